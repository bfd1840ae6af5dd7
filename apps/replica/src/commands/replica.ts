import { Command, Option } from 'commander';
import type { Origin } from '../config/configuration.ts';
import { Configuration, faultsIn } from '../config/configuration.ts';
import { addSettings, typedSettings } from '../config/options.ts';
import { printedConfig } from '../config/print.ts';
import { exitCodeOf } from '../config/resolve.ts';
import { settingNames } from '../config/settings.ts';
import { strayVariables } from '../config/stray-variables.ts';
import type { DaemonControl } from '../daemon/daemon.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import { EXIT, ExitError } from '../exit.ts';
import type { LinkState } from '../follow/link-state.ts';
import type { ProcessReporter } from '../logging/process-reporter.ts';
import { printText } from '../output/output.ts';
import type { Reporter } from '../reporter.ts';
import { stopSignal } from './stop-signal.ts';

interface ReplicaFlags {
  readonly config?: string;
  readonly checkConfig?: boolean;
  readonly printConfig?: boolean;
}

const HELP = `
Each may be in the file of --config (TOML, \`repl-timeout = 30\`) or in the environment
(FOREBAY_REPL_TIMEOUT) too; a flag goes before the environment, and that before the file. SIGHUP reads every
file again: that of --config, and each file that a setting or a variable names.`;

/** `forebay replica`: the daemon. */
export function replicaCommand(reporter: ProcessReporter): Command {
  const command = new Command('replica')
    .description('Attach to a primary as a replica, and keep what it sends in a directory.')
    .helpOption('--help', 'show this text')
    .exitOverride()
    .option('--config <file>', 'read settings from this file; or FOREBAY_CONFIG')
    .option('--check-config', 'say whether the configuration can be used, and end')
    .addOption(
      new Option('--print-config', 'print what would be used, and where it is from').conflicts(
        'checkConfig',
      ),
    );
  return addSettings(command, settingNames)
    .addHelpText('after', HELP)
    .allowExcessArguments(false)
    .action(async (flags: ReplicaFlags) => {
      const path = flags.config ?? (process.env.FOREBAY_CONFIG || undefined);
      const origin = { flags: typedSettings(command), env: process.env, path };
      for (const line of strayVariables(process.env)) reporter.trouble(line);
      if (flags.checkConfig) checkConfig(origin, reporter);
      else if (flags.printConfig) {
        await printText(printedConfig(new Configuration(origin).settings));
      } else await run(new Configuration(origin), reporter);
    });
}

/** @throws {ExitError} where it cannot be used */
function checkConfig(origin: Origin, reporter: Reporter): void {
  const faults = faultsIn(origin);
  if (faults.length === 0) {
    reporter.good('the configuration is good');
    return;
  }
  for (const { message } of faults) reporter.trouble(message);
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  throw new ExitError(exitCodeOf(faults), `${count} in the configuration`);
}

async function run(configuration: Configuration, reporter: ProcessReporter): Promise<void> {
  const manager = ServiceManager.of(process.env, reporter);
  const onReload = onHangups(manager);
  await reporter.becomeLog(configuration.config.logging);
  process.once('uncaughtException', (error) => {
    reporter.fatal(error.stack ?? String(error), EXIT.runtime);
    process.exit(EXIT.runtime);
  });
  configuration.subscribe({ adopt: ({ config }) => reporter.setLevel(config.logging.level) });
  const stop = stopSignal();
  stop.addEventListener('abort', () => manager?.stopping(), { once: true });
  const onLink = (state: LinkState) => manager?.link(state);
  try {
    await runDaemon(configuration, reporter, { stop, onReload, onLink });
  } finally {
    reporter.end();
  }
}

/**
 * Takes every SIGHUP from now on, as long as the process lives: it never ends the daemon. A signal that arrives before
 * there is anything to reload has its effect then.
 */
function onHangups(manager: ServiceManager | undefined): DaemonControl['onReload'] {
  let reload: (() => void) | undefined;
  let missed = false;
  const onHangup = () => {
    missed = reload === undefined;
    if (reload === undefined) return;
    if (manager === undefined) reload();
    else manager.reload(reload);
  };
  process.on('SIGHUP', onHangup);
  return (run) => {
    reload = run;
    if (missed) onHangup();
    return () => {
      reload = undefined;
    };
  };
}
