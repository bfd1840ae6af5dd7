export { config as default } from '@forebay/testkit/vitest';
