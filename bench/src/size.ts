/** How much is measured: `--quick` is a look, not a measurement. */
export interface Size {
  readonly quick: boolean;
}
