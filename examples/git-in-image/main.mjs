// node examples/git-in-image/main.mjs [IMAGE DEVICE FOLDER]
// Reads a git repository inside a disk image with packages that know nothing of images: they are given `g.fs`.
import { Guestfs } from 'guestfs';
import { makeRepository, readRepository } from './repository.mjs';

const [image, device = '/dev/sda', folder = '/project'] = process.argv.slice(2);

const g = new Guestfs();
try {
  if (image === undefined) g.addDriveScratch(64n * 1024n * 1024n);
  else g.addDrive(image, { readonly: true });
  await g.launch();
  if (image === undefined) {
    await g.mkfs('ext4', device);
    await g.mount(device, '/');
    await makeRepository(g.fs, folder);
    await g.fs.writeFile(`${folder}/README.md`, '# Changed\n');
  } else {
    await g.mountRo(device, '/');
  }

  const { branch, messages, changed, files } = await readRepository(g.fs, folder);
  console.log(`On branch ${branch}:`);
  for (const message of messages) console.log(`  ${message}`);
  console.log(`Changed: ${changed.join(', ') || 'nothing'}`);
  console.log(`Files:\n  ${files.join('\n  ')}`);
} finally {
  await g.close();
}
