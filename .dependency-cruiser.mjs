// The order of packages and of the folders in the large ones; `npm run check` enforces it.
// Each list goes from the bottom to the top: an entry imports only entries before it. Entries in one array do not
// import each other.

/** The order of the package table in ARCHITECTURE.md. */
const PACKAGES = [
  ['packages/clock', 'packages/resp', 'packages/backlog', 'packages/rdb-receiver'],
  ['packages/rdb', 'packages/psync'],
  'packages/log',
  'packages/replica',
  'packages/resp-server',
  'packages/primary',
  'packages/feed',
  'apps/replica',
];

/** Packages that take bytes and give events. Code that needs a Node module is in the folder `node`, exported as `./node`. */
const SANS_IO = ['clock', 'resp', 'backlog', 'rdb-receiver', 'rdb', 'psync'];

/** Private packages, for tests and measurements. */
const PRIVATE = ['packages/testkit', 'packages/conformance', 'bench'];

/** The entries of `src`, except `index.ts`. A file and the folder of the same name are one entry. */
const FOLDERS = {
  'packages/rdb': [
    'format',
    'bytes',
    'containers',
    'values',
    ['reading', 'writing'],
    ['verifying', 'retiming', 'json', 'digest', 'memory', 'commands', 'filter'],
  ],
  'packages/log': [
    ['errors.ts', 'turns.ts', 'watched-clock.ts'],
    'disk',
    'manifest',
    'index-file',
    'increment',
    'directory',
    'base',
    'reading',
    'cursors',
    'changes',
    'retention',
    'recovery',
    'log-reader.ts',
    'log-types.ts',
    'contents.ts',
    ['log.ts', 'view', 'restore', 'inspect', 'check'],
    'copy',
  ],
  'packages/replica': [
    ['errors.ts', 'acknowledgement.ts', 'receive-buffer.ts', 'tls-mismatch.ts'],
    ['address.ts', 'backoff.ts', 'cached-stream.ts', 'items.ts'],
    ['transport.ts', 'upstream.ts', 'item-queue.ts', 'progress-record.ts'],
    ['connect.ts', 'link-options.ts'],
    ['replica-options.ts', 'link-errors.ts'],
    'states.ts',
    'link-owner.ts',
    ['acknowledger.ts', 'snapshot.ts', 'request-client.ts'],
    ['link.ts', 'probe.ts'],
    'replica.ts',
  ],
  'packages/primary': [
    ['errors.ts', 'source.ts'],
    'replicas',
    ['options.ts', 'replication-commands.ts', 'stream-messages.ts'],
    'replication-server.ts',
    'report.ts',
    'embedded',
  ],
  'apps/replica': [
    ['exit.ts', 'quantities.ts', 'version.ts', 'link-message.ts', 'completion', 'follow-log'],
    'output',
    ['logging/secrets.ts', 'logging/events.ts'],
    'logging/entry.ts',
    'reporter.ts',
    'logging',
    'status',
    'http/password.ts',
    'http/guard.ts',
    'http/server.ts',
    'config',
    ['follow', 'doctor'],
    ['http', 'port'],
    'serve',
    'daemon',
    'commands/rdb/losses.ts',
    'tail',
    'commands',
    ['failure.ts', 'usage'],
    'program.ts',
    'main.ts',
  ],
};

/**
 * One rule for each entry that has entries beside or above it. `source` returns the pattern that matches the files of
 * an entry. An entry inside another one has its own place in the order and is not a part of the outer entry.
 */
function orderRules(rule, order, source, why) {
  const levels = order.map((level) => [level].flat());
  const within = (outer) => levels.flat().filter((each) => each.startsWith(`${outer}/`));
  return levels
    .flatMap((level, i) => {
      const below = levels.slice(0, i).flat();
      return level.map((entry) => {
        const barred = levels
          .slice(i)
          .flat()
          .filter((each) => each !== entry);
        const allowed = [entry, ...below].filter((each) =>
          barred.some((outer) => within(outer).includes(each)),
        );
        return {
          name: `${rule}/${entry.replace(/^packages\//, '')}`,
          severity: 'error',
          comment: `${why} ${entry} may import: ${below.join(', ') || 'no entry of the list'}.`,
          from: { path: source(entry), ...unless(within(entry).map(source)) },
          to: { path: barred.map(source), ...unless(allowed.map(source)) },
        };
      });
    })
    .filter(({ to }) => to.path.length > 0);
}

function unless(patterns) {
  return patterns.length === 0 ? {} : { pathNot: patterns };
}

const packageOrder = orderRules(
  'package-order',
  PACKAGES,
  (path) => `^${path}/src/`,
  'A package imports only packages in rows above its own in the table of ARCHITECTURE.md, so that it can be used without the packages below it.',
);

const folderOrder = Object.entries(FOLDERS).flatMap(([path, folders]) => {
  const source = (entry) => `^${path}/src/${entry.replace(/\.ts$/, '')}(\\.ts$|/)`;
  const name = path.replace(/^packages\//, '');
  return [
    ...orderRules(
      `folder-order/${name}`,
      folders,
      source,
      `Folders of ${path} are layers: a layer can be read and changed without the layers above it.`,
    ),
    {
      name: `folder-order/${name}/unlisted`,
      severity: 'error',
      comment: `Each folder and file in ${path}/src belongs to a layer: add it to FOLDERS in .dependency-cruiser.mjs.`,
      from: {
        path: `^${path}/src/`,
        pathNot: ['index.ts', ...folders.flat()].map(source),
      },
      to: {},
    },
  ];
});

export default {
  forbidden: [
    ...packageOrder,
    ...folderOrder,
    {
      name: 'sans-io',
      severity: 'error',
      comment:
        'A sans-IO package takes bytes and gives events, for any socket, file and runtime: it imports no Node module. Only its folder node may.',
      from: { path: `^packages/(${SANS_IO.join('|')})/src/(?!node/)` },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'sans-io-node',
      severity: 'error',
      comment:
        'Code that needs Node is a subpath of its own: the rest of a sans-IO package works without Node.',
      from: { path: `^packages/(${SANS_IO.join('|')})/src/(?!node/)` },
      to: { path: '^packages/[^/]+/src/node/' },
    },
    {
      name: 'published',
      severity: 'error',
      comment:
        'A published package imports no private one: packages for tests and measurements are private.',
      from: { path: PACKAGES.flat().map((path) => `^${path}/src/`) },
      to: { path: PRIVATE.map((path) => `^${path}/`) },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'No file imports itself through other files, types included: the files of a cycle can only be understood together.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolved',
      severity: 'error',
      comment: 'An import that cannot be resolved cannot be checked against the order.',
      from: { path: '/src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Imports of types count: a file cannot be understood without the types that it uses.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@forebay/source', 'import', 'types', 'node', 'default'],
    },
  },
};
