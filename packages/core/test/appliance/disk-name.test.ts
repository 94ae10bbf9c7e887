import { expect, test } from '@jest/globals';
import { diskName } from '../../src/appliance/drives/disk-name.js';

test('disk names go on after z', () => {
  expect([0, 25, 26, 51, 52, 254].map(diskName)).toEqual(['sda', 'sdz', 'sdaa', 'sdaz', 'sdba', 'sdiu']);
});
