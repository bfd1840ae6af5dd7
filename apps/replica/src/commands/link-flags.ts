import type { Command } from 'commander';

/** Adds the flags that say who we are to a primary, and how the link to it is secured. */
export function withLinkFlags(command: Command): Command {
  return command
    .option('--masteruser <user>', 'user to authenticate as; or FOREBAY_MASTERUSER')
    .option(
      '--masterauth <password>',
      'password; better in FOREBAY_MASTERAUTH, or in the file named by FOREBAY_MASTERAUTH_FILE',
    )
    .option('--tls', 'secure the link')
    .option('--cacert <file>', 'certificate of the authority to trust')
    .option('--cert <file>', 'our certificate, where the primary wants one')
    .option('--key <file>', 'its private key')
    .option('--sni <name>', 'name that the certificate has to bear; the host by default')
    .option('--insecure', 'take any certificate');
}
