import { directBackend } from '@guestfs/attach';
import { environmentDefaults } from '@guestfs/core/internal';
import { PING } from '@guestfs/core/internal';
const t0=performance.now(); const t=()=>((performance.now()-t0)/1000).toFixed(2);
const d=environmentDefaults(process.env);
const config={drives: process.argv.slice(2).map(file=>({file,readonly:false,format:'raw'})), hv:d.hv, path:d.path, append:d.append, memsize:d.memsize, smp:1, network:false, selinux:false, verbose:d.verbose, program:'x', identifier:'', qemuParameters:[], backendSettings:d.backendSettings, tmpdir:d.tmpdir, cachedir:d.cachedir, sockdir:d.sockdir, pgroup:false, timeout:+(process.env.TO||120000), warm:false};
const ctx={signal:new AbortController().signal, phase:p=>console.log(t(),'phase',p), console:b=>process.env.CON&&process.stdout.write(b), log:l=>console.log(t(),'log',l), warn:l=>console.log(t(),'WARN',l), progress(){}};
try { const s=await directBackend().launch(config,ctx);
console.log(t(),'up',s.pid); await s.connection.ping(); console.log(t(),'pinged'); await s.shutdown(); console.log(t(), await s.ended);
} catch(e){ console.log(t(), e.code, e.message, e.cause ?? '');}
console.log('active', process.getActiveResourcesInfo());
const iv=performance.now(); process.on('exit',()=>console.log('exit after',performance.now()-iv));
