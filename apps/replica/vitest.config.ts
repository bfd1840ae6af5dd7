import { config } from '@forebay/testkit/vitest';
import { mergeConfig } from 'vitest/config';

/** What takes long runs when it is asked for: see test/torture/scale.ts and scripts/soak.mjs. */
const torture = process.env.FOREBAY_TORTURE === undefined ? ['test/torture/**'] : [];

export default mergeConfig(config, { test: { exclude: torture } });
