import { runShare } from './histories.ts';

runShare(0, 2);
