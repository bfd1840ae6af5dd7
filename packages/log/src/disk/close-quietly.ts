/** Closes what a failure leaves open: what is told is the failure, and not that this fails as well. */
export async function closeQuietly(
  ...open: readonly ({ close(): Promise<unknown> } | undefined)[]
): Promise<void> {
  for (const each of open) await each?.close().catch(() => {});
}
