export { config as default } from './vitest.js';
