import { createHash } from 'node:crypto';
import { randomContent } from '../cases/content-of.js';

/** What is put into an image on one side and looked for on the other. */
export const BIG = '/a/b/ünï name';
export const big = randomContent(1_500_001);
export const bigSum = createHash('sha256').update(big).digest('hex');
export const TEXT = 'a line\nand "another" \\ one';
export const FOUND = [
  'a',
  'a/b',
  'a/b/ünï name',
  'hard',
  'lost+found',
  'packed',
  'packed/inner',
  'packed/inner/file',
  'soft',
  'text',
];
export const STAMP = 1_234_567_890;
