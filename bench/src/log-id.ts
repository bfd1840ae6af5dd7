/** The replication id of the log that `log-writer` fills, from offset 0 on. */
export const LOG_ID: string = 'a'.repeat(40);
