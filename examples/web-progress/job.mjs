/** Fills a scratch disk: a launch, a call that knows how far it is, and one that only shows that it goes on. */
export async function runJob(g, mebibytes, signal) {
  g.addDriveScratch(BigInt(mebibytes) * 1024n * 1024n);
  await g.launch({ signal });
  await g.zeroDevice('/dev/sda', { signal });
  await g.checksumDevice('sha256', '/dev/sda', { signal });
  await g.shutdown();
}
