import { runShare } from './histories.ts';

runShare(1, 2);
