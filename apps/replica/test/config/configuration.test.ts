import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SettingsChange, SettingsSubscriber } from '../../src/config/configuration.ts';
import { Configuration } from '../../src/config/configuration.ts';
import type { SettingName } from '../../src/config/settings.ts';
import { EXIT, ExitError } from '../../src/exit.ts';
import { freshDirectory } from '../daemon.ts';

const namesOf = (settings: readonly { readonly name: string }[]) =>
  settings.map(({ name }) => name);

let flags: Map<SettingName, string>;
let configuration: Configuration;
/** The calls of `check` and `adopt` of all subscribers, in order. */
let events: string[];

beforeEach(() => {
  flags = new Map([
    ['replicaof', '127.0.0.1:1'],
    ['dir', 'x'],
  ]);
  configuration = new Configuration({ flags, env: {}, path: undefined });
  events = [];
});

/** Records its calls; `check` refuses a retention by size. */
function noting(name: string): SettingsSubscriber {
  return {
    check({ retain }) {
      events.push(`${name} is asked`);
      if ('size' in retain) throw new ExitError(EXIT.configuration, `${name} refuses`);
    },
    adopt({ cause, config, changed, kept, files }) {
      const retain = 'time' in config.retain ? config.retain.time / 3_600_000 : 'by size';
      const names = [changed, kept, files].map(namesOf).join('; ');
      events.push(`${name}: ${cause}, retain ${retain} [${names}]`);
    },
  };
}

/** The events since the last call. */
function news(): string[] {
  return events.splice(0);
}

describe('a subscriber of the settings', () => {
  it('applies the settings in effect when it subscribes, also after a change', () => {
    configuration.subscribe(noting('first'));
    configuration.set(new Map([['retain', '2h']]));
    news();
    configuration.subscribe(noting('second'));
    expect(news()).toEqual(['second: start, retain 2 [; ; ]']);
  });

  it('applies a change after each subscriber was asked, in the order of subscription', () => {
    configuration.subscribe(noting('first'));
    configuration.subscribe({ adopt: () => events.push('one that refuses nothing') });
    configuration.subscribe(noting('last'));
    news();
    configuration.set(new Map([['retain', '2h']]));
    expect(news()).toEqual([
      'first is asked',
      'last is asked',
      'first: command, retain 2 [retain; ; ]',
      'one that refuses nothing',
      'last: command, retain 2 [retain; ; ]',
    ]);
  });

  it('reads a change from the configuration while it applies it', () => {
    let seen: unknown;
    configuration.subscribe({
      adopt: ({ config }) => {
        seen = config === configuration.config && configuration.settings;
      },
    });
    configuration.set(new Map([['retain', '2h']]));
    expect(seen).toContainEqual(expect.objectContaining({ name: 'retain', text: '2h' }));
  });

  it('gets nothing after it has unsubscribed, also if another subscriber ends it', () => {
    const off = configuration.subscribe(noting('first'));
    let offLast = (): void => {};
    configuration.subscribe({ adopt: () => offLast() });
    offLast = configuration.subscribe(noting('last'));
    off();
    news();
    configuration.set(new Map([['retain', '2h']]));
    expect(news()).toEqual(['last is asked']);
    configuration.reload();
    expect(news()).toEqual([]);
  });

  it('is asked only about settings that agree with each other', () => {
    configuration.subscribe(noting('any'));
    news();
    expect(() => configuration.set(new Map([['cacert', '/none']]))).toThrow(/need --tls/);
    expect(news()).toEqual([]);
  });
});

describe('a change that one subscriber refuses', () => {
  it.each([
    ['CONFIG SET', () => configuration.set(new Map([['retain', '1gb']]))],
    [
      'a reload',
      () => {
        flags.set('retain', '1gb');
        configuration.reload();
      },
    ],
  ])('takes no effect anywhere (%s)', (_, change) => {
    configuration.subscribe({ adopt: ({ cause }) => events.push(`an earlier one: ${cause}`) });
    configuration.subscribe(noting('refusing'));
    configuration.set(new Map([['repl-timeout', '7']]));
    news();
    const { config, settings } = configuration;
    expect(change).toThrow('refusing refuses');
    expect(news()).toEqual(['refusing is asked']);
    expect(configuration.config).toBe(config);
    expect(configuration.settings).toEqual(settings);
  });

  it('leaves what CONFIG SET gave before to be written by CONFIG REWRITE', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const path = join(directory, 'forebay.toml');
    await writeFile(path, '');
    configuration = new Configuration({ flags, env: {}, path });
    configuration.subscribe(noting('refusing'));
    configuration.set(new Map([['repl-timeout', '7']]));
    expect(() => configuration.set(new Map([['retain', '1gb']]))).toThrow('refusing refuses');
    flags.set('retain', '1gb');
    expect(() => configuration.reload()).toThrow('refusing refuses');
    flags.delete('retain');
    configuration.rewrite();
    configuration.reload();
    expect(configuration.config).toMatchObject({ timeout: 7000, retain: { time: 86_400_000 } });
  });
});

describe('a reload', () => {
  it('names settings that changed, and those that need a restart', () => {
    configuration.subscribe(noting('any'));
    news();
    flags.set('retain', '3h').set('repl-backlog-size', '2mb');
    configuration.reload();
    expect(news()).toEqual(['any is asked', 'any: reload, retain 3 [retain; repl-backlog-size; ]']);
    expect(configuration.config.listen?.backlogSize).toBe(1024 * 1024);
  });

  it('takes back what CONFIG SET gave', () => {
    configuration.subscribe(noting('any'));
    configuration.set(new Map([['retain', '2h']]));
    news();
    configuration.reload();
    expect(news()).toEqual(['any is asked', 'any: reload, retain 24 [retain; ; ]']);
  });

  it('names the files with new content, also after a CONFIG SET', async () => {
    const directory = await freshDirectory();
    await mkdir(directory);
    const [one, other] = [join(directory, 'one'), join(directory, 'other')];
    await writeFile(one, '127.0.0.1:1');
    await writeFile(other, '127.0.0.1:2');
    flags.delete('replicaof');
    flags.set('replicaof-file', one);
    configuration = new Configuration({ flags, env: {}, path: undefined });
    let change: SettingsChange | undefined;
    configuration.subscribe({
      adopt: (next) => {
        change = next;
      },
    });
    const reloaded = () => {
      configuration.reload();
      return [change!.changed, change!.kept, change!.files].map(namesOf).join('; ');
    };
    expect(reloaded()).toBe('; ; ');

    await writeFile(one, '127.0.0.1:3');
    configuration.set(new Map([['retain', '2h']]));
    expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 1 });
    expect(reloaded()).toBe('retain; ; replicaof-file');
    expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 3 });
    expect(reloaded()).toBe('; ; ');

    // Another file is another setting.
    configuration.set(new Map([['replicaof-file', other]]));
    expect(reloaded()).toBe('replicaof-file; ; ');
    expect(configuration.config.candidates[0].endpoint).toMatchObject({ port: 3 });
  });
});
