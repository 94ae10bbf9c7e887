/** The application: it makes a disk with a small web site on it, and reports what is there. */

/** Partitions and fills the first disk of a launched handle. */
export async function publish(g, pages) {
  await g.partDisk('/dev/sda', 'gpt');
  await g.mkfs('ext4', '/dev/sda1', { label: 'site' });
  await g.mount('/dev/sda1', '/');
  await g.mkdirP('/srv/www');
  for (const [name, content] of Object.entries(pages)) await g.write(`/srv/www/${name}`, content);
}

/** What is published: name, size and checksum of each page. */
export async function report(g) {
  const names = await g.ls('/srv/www');
  return Promise.all(
    names.map(async (name) => {
      const path = `/srv/www/${name}`;
      const [size, sha256] = await Promise.all([g.filesize(path), g.checksum('sha256', path)]);
      return { name, size, sha256 };
    }),
  );
}

/** The whole of it, as both the recording and the tests run it. */
export async function publishAndReport(g, pages) {
  g.addDriveScratch(64n * 1024n * 1024n);
  await g.launch();
  await publish(g, pages);
  return report(g);
}
