/** Tests run from the TypeScript sources: the `guestfs-source` export condition points at them, so no build is needed. */
const shared = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['guestfs-source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript', explicitResourceManagement: true } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['/dist/'],
};

/** `unit`: no daemon, no qemu. `native`: a real guestfsd without a machine. `appliance`: the real appliance under qemu.
 * Not part of `npm test`, for they take long: `warm`, starts from templates, and `sameness`, the same calls through
 * python3-guestfs. */
export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/test/unit/**/*.test.ts'],
    },
    { ...shared, displayName: 'native', testMatch: ['<rootDir>/test/native/**/*.test.ts'] },
    {
      ...shared,
      displayName: 'appliance',
      testMatch: ['appliance', 'sameness/exchange', 'examples'].map(
        (folder) => `<rootDir>/test/${folder}/**/*.test.ts`,
      ),
      testPathIgnorePatterns: ['/node_modules/', '/test/appliance/warm/'],
    },
    { ...shared, displayName: 'warm', testMatch: ['<rootDir>/test/appliance/warm/**/*.test.ts'] },
    { ...shared, displayName: 'sameness', testMatch: ['<rootDir>/test/sameness/*.test.ts'] },
  ],
};
