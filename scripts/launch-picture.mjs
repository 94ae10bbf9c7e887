// Writes the picture and the table of docs/launching.md from docs/launching.json, which `npm run bench -- launch` saves.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(import.meta.dirname, '../docs');
const data = JSON.parse(readFileSync(join(docs, 'launching.json'), 'utf8'));

const COLOURS = {
  'find and check': '#4c6ef5',
  'qemu and kernel, or the saved machine': '#15aabf',
  'init, or clock and entropy': '#40c057',
  'disks and daemon': '#fab005',
  launch: '#868e96',
  'first call': '#fd7e14',
  'partition, mkfs, mount, write, read, sync': '#e64980',
};
const NAMES = { upstream: 'upstream, cold', lean: 'lean cold boot', warm: 'warm', pool: 'from the pool' };

/** The steps of a launch one after another, each with its length in milliseconds. */
function steps({ phases, launched, first, session }) {
  const marks =
    phases === undefined
      ? [['launch', launched]]
      : [
          ['find and check', phases.applianceBuilt],
          ['qemu and kernel, or the saved machine', phases.kernelUp],
          ['init, or clock and entropy', phases.initRunning],
          ['disks and daemon', launched],
        ];
  let before = 0;
  return [...marks, ['first call', first], ['partition, mkfs, mount, write, read, sync', session]].map(([name, at]) => {
    const length = at - before;
    before = at;
    return { name, length };
  });
}

function picture() {
  const [left, width, rowHeight, top] = [130, 640, 46, 16];
  const rows = Object.entries(NAMES);
  const longest = Math.max(...rows.map(([key]) => data[key].session));
  const scale = width / longest;
  const bars = rows.map(([key, label], row) => {
    let x = left;
    const y = top + row * rowHeight;
    const parts = steps(data[key]).map(({ name, length }) => {
      const part = `<rect x="${x.toFixed(1)}" y="${y}" width="${(length * scale).toFixed(1)}" height="26" fill="${COLOURS[name]}"><title>${name}: ${seconds(length)}</title></rect>`;
      x += length * scale;
      return part;
    });
    const end = `<text x="${(x + 6).toFixed(1)}" y="${y + 18}">${seconds(data[key].session)}</text>`;
    return `<text x="${left - 8}" y="${y + 18}" text-anchor="end">${label}</text>${parts.join('')}${end}`;
  });
  const legendTop = top + rows.length * rowHeight + 8;
  const legend = Object.entries(COLOURS).map(([name, colour], index) => {
    const [x, y] = [left + (index % 2) * 330, legendTop + Math.floor(index / 2) * 20];
    return `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour}"/><text x="${x + 18}" y="${y + 11}">${name}</text>`;
  });
  const height = legendTop + Math.ceil(Object.keys(COLOURS).length / 2) * 20 + 10;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 70} ${height}" font-family="sans-serif" font-size="13" fill="#495057" role="img" aria-label="Where the time of a launch goes">
<rect width="100%" height="100%" fill="#ffffff"/>
${[...bars, ...legend].join('\n')}
</svg>
`;
}

function table() {
  const { upstream, lean, warm, pool, many } = data;
  const rows = [
    ['lean cold boot: launched', lean.launched, upstream.launched],
    ['lean cold boot: first call answered', lean.first, upstream.first],
    ['lean cold boot: small session done', lean.session, upstream.session],
    ['warm: launched', warm.launched, upstream.launched],
    ['warm: first call answered', warm.first, upstream.first],
    ['warm: small session done', warm.session, upstream.session],
    ['pool: handle given out', pool.given, upstream.launched],
    ['pool: given out with a disk', pool.launched, upstream.launched],
    ['pool: first call answered', pool.first, upstream.first],
    ['pool: small session done', pool.session, upstream.session],
    [`${many.count} at once: launched, for each`, many.launched / many.count, upstream.launched],
  ].map(([name, ours, peer]) => `| ${name} | ${seconds(ours)} | ${seconds(peer)} | ${(peer / ours).toFixed(1)} |`);
  const memory = [
    ['lean cold boot: resident memory', lean.rss],
    ['warm: resident memory', warm.rss],
    [`${many.count} at once: memory for each, shared pages counted once`, many.pss],
  ].map(
    ([name, ours]) =>
      `| ${name} | ${ours.toFixed(0)} MB | ${upstream.rss.toFixed(0)} MB | ${(upstream.rss / ours).toFixed(1)} |`,
  );
  return ['| | here | upstream | ratio |', '|---|--:|--:|--:|', ...rows, ...memory].join('\n');
}

function seconds(ms) {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

writeFileSync(join(docs, 'launching.svg'), picture());
const page = join(docs, 'launching.md');
const text = readFileSync(page, 'utf8');
writeFileSync(
  page,
  text.replace(
    /(<!-- launch table -->\n)[^]*?(<!-- \/launch table -->)/,
    (_, begin, end) => `${begin}\n${table()}\n\n${end}`,
  ),
);
