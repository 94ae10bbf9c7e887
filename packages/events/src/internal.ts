export { fractionOf, makeProgress } from './progress.js';
