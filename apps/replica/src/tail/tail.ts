import type { Feed, FeedNotice, FeedOptions, Place, StreamOptions } from '@forebay/feed';
import { feed, formatPlace, linePieces, streamFrom } from '@forebay/feed';
import { formatPosition } from '@forebay/psync';
import { linkMessageOf } from '../link-message.ts';
import { STANDARD_OUTPUT } from '../output/descriptor.ts';
import type { Reporter } from '../reporter.ts';
import { Output } from './output.ts';
import { StreamCommands } from './stream-commands.ts';

/** Milliseconds between two checkpoints. */
const KEEP_EVERY = 1000;

/** Prints changes as lines, until they end. With a cursor, what has been written is not printed again. */
export async function printChanges(options: FeedOptions): Promise<void> {
  await using changes = feed(options);
  const output = new Output<Place | undefined>(STANDARD_OUTPUT, () => void changes.close());
  const keeper = options.dir !== undefined && options.cursor !== undefined && keep(changes, output);
  try {
    let place: Place | undefined;
    for await (const item of changes) {
      // A line that is not whole does not count as printed.
      for (const piece of linePieces(item)) {
        output.add(piece, place);
        if (output.full) await output.flush();
      }
      if (keeper) place = changes.position;
      output.add('\n', place);
    }
    await output.flush();
  } finally {
    if (keeper) await keeper.stop();
  }
}

/** Prints the stream as commands, until it ends; that it broke off is for the person to see. */
export async function printStream(
  options: StreamOptions,
  { flush, plain }: { readonly flush: boolean; readonly plain: boolean },
  reporter: Reporter,
): Promise<void> {
  await using stream = streamFrom(options);
  const output = new Output<undefined>(STANDARD_OUTPUT, () => void stream.close());
  const commands = new StreamCommands(flush, plain);
  let told = '';
  const tellLosses = () => {
    const { losses } = commands;
    const text = losses.join('\n');
    if (text !== told) for (const loss of losses) reporter.trouble(loss);
    told = text;
  };
  for await (const item of stream) {
    if (item.type === 'reset' || item.type === 'rewound') {
      const places = `from ${formatPosition(item.from)} to ${formatPosition(item.to)}`;
      reporter.trouble(`${item.type} ${places}`);
    }
    // A snapshot has ended.
    if (item.type === 'start') tellLosses();
    for (const bytes of commands.commandsOf(item)) {
      output.add(bytes, undefined);
      if (output.full) await output.flush();
    }
  }
  await output.flush();
}

/** Says what a person may want to know. */
export function noticesTo(reporter: Reporter): (notice: FeedNotice) => void {
  return (notice) => {
    switch (notice.type) {
      case 'connected':
        reporter.step('connected');
        break;
      case 'begin':
        reporter.step(`begins after ${formatPlace(notice.place)}`);
        break;
      case 'retry': {
        const when = notice.delay === 0 ? 'at once' : `in ${(notice.delay / 1000).toFixed(1)} s`;
        reporter.trouble(`${linkMessageOf(notice.error)}; trying again ${when}`);
        break;
      }
      case 'whole-snapshot':
        reporter.step(`the whole snapshot comes, and is passed over: ${whyWhole(notice.reply)}`);
        break;
    }
  };
}

function whyWhole(reply: string): string {
  const isDenied = /^(NOAUTH|NOPERM)/.test(reply);
  return isDenied ? `+replconf is not granted: ${reply}` : 'this server leaves none away';
}

/** Keeps the place of what has been written, each second and at the end. */
function keep(
  changes: Feed,
  output: Output<Place | undefined>,
): { readonly stop: () => Promise<void> } {
  let kept: Place | undefined;
  let keeping: Promise<void> = Promise.resolve();
  let failure: unknown;
  const keepNow = async () => {
    // What a filter left out is behind us, too, once all that it let through is written.
    const place = output.idle ? (changes.position ?? output.written) : output.written;
    if (place === undefined || (place.offset === kept?.offset && place.id === kept.id)) return;
    await changes.checkpoint(place);
    kept = place;
  };
  const again = () => {
    keeping = keeping.then(keepNow).catch((error: unknown) => {
      failure ??= error;
      return changes.close();
    });
    return keeping;
  };
  const timer = setInterval(again, KEEP_EVERY);
  return {
    stop: async () => {
      clearInterval(timer);
      await again();
      if (failure !== undefined) throw failure;
    },
  };
}
