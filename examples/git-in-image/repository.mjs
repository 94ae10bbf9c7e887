import git from 'isomorphic-git';
import { glob } from 'tinyglobby';

const author = { name: 'Ada', email: 'ada@example.org' };

/** Makes a git repository with two commits in a folder of the given `fs`. */
export async function makeRepository(fs, dir) {
  await fs.promises.mkdir(`${dir}/src`, { recursive: true });
  await git.init({ fs, dir, defaultBranch: 'main' });
  await fs.promises.writeFile(`${dir}/README.md`, '# In an image\n');
  await fs.promises.writeFile(`${dir}/src/index.js`, 'console.log(1);\n');
  await git.add({ fs, dir, filepath: ['README.md', 'src/index.js'] });
  await git.commit({ fs, dir, author, message: 'Begin' });
  await fs.promises.appendFile(`${dir}/src/index.js`, 'console.log(2);\n');
  await git.add({ fs, dir, filepath: 'src/index.js' });
  await git.commit({ fs, dir, author, message: 'Print more' });
}

/** Reads what a repository holds: its branch, its log, what is changed in it, and its files as a glob walker sees them. */
export async function readRepository(fs, dir) {
  const [branch, log, status, files] = await Promise.all([
    git.currentBranch({ fs, dir }),
    git.log({ fs, dir }),
    git.statusMatrix({ fs, dir }),
    glob('**/*.{js,md}', { fs, cwd: dir, absolute: true }),
  ]);
  const changed = status.filter(([, head, workdir]) => head !== workdir).map(([path]) => path);
  return { branch, messages: log.map(({ commit }) => commit.message.trim()), changed, files: files.sort() };
}
