// Each rule of .dependency-cruiser.mjs reports a violation, with its reason, in a tree of files made for this test.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { root } from './setup.mjs';

const depcruise = join(root, 'node_modules', '.bin', 'depcruise');
const config = join(root, '.dependency-cruiser.mjs');

/** The content of each file, by path. */
const FILES = {
  'package.json': '{}',
  'node_modules/.keep': '',
  'packages/log/package.json':
    '{ "name": "@forebay/log", "type": "module", "exports": { ".": { "@forebay/source": "./src/index.ts" } } }',
  'packages/log/src/index.ts': "export * from './errors.ts';",
  'packages/log/src/errors.ts': 'export const one = 1;',
  'packages/log/src/disk/upwards.ts': "import '../check/check.ts';",
  'packages/log/src/check/check.ts': "import '../errors.ts';",
  'packages/log/src/other/new.ts': "import '../errors.ts';",
  'apps/replica/src/logging/lines.ts': '',
  'apps/replica/src/logging/entry.ts': '',
  'apps/replica/src/reporter.ts': "import './logging/entry.ts';\nimport './logging/lines.ts';",
  'packages/testkit/src/index.ts': 'export const two = 2;',
  'packages/feed/src/fine.ts': "import '@forebay/log';",
  'packages/psync/src/upwards.ts': "import '@forebay/log';",
  'packages/resp/src/io.ts': "import 'node:net';",
  'packages/rdb-receiver/src/node/file.ts': "import 'node:fs';",
  'packages/rdb-receiver/src/reader.ts': "import './node/file.ts';",
  'packages/feed/src/tested.ts': "import '../../testkit/src/index.ts';",
  'packages/backlog/src/a.ts': "import type { B } from './b.ts';\nexport type A = B;",
  'packages/backlog/src/b.ts': "import type { A } from './a.ts';\nexport type B = A;",
  'packages/feed/src/lost.ts': "import './nowhere.ts';",
};

/** What the report says of each violation: the rule, the file, and a part of the reason. */
const VIOLATIONS = [
  ['folder-order/apps/replica/reporter.ts', 'apps/replica/src/reporter.ts', 'may import'],
  [
    'package-order/psync',
    'packages/psync/src/upwards.ts',
    'imports only packages in rows above its own',
  ],
  [
    'folder-order/log/disk',
    'packages/log/src/disk/upwards.ts',
    'Folders of packages/log are layers',
  ],
  [
    'folder-order/log/unlisted',
    'packages/log/src/other/new.ts',
    'belongs to a layer: add it to FOLDERS',
  ],
  ['sans-io', 'packages/resp/src/io.ts', 'imports no Node module'],
  ['sans-io-node', 'packages/rdb-receiver/src/reader.ts', 'a subpath of its own'],
  ['published', 'packages/feed/src/tested.ts', 'imports no private one'],
  ['no-cycles', 'packages/backlog/src/a.ts', 'No file imports itself through other files'],
  ['resolved', 'packages/feed/src/lost.ts', 'cannot be resolved'],
];

let tree;
let report;

before(async () => {
  tree = await mkdtemp(join(tmpdir(), 'forebay-order-'));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  await mkdir(join(tree, 'node_modules/@forebay'));
  await symlink('../../packages/log', join(tree, 'node_modules/@forebay/log'));
  const args = ['--config', config, '--output-type', 'err-long', 'packages', 'apps'];
  const found = await promisify(execFile)(depcruise, args, { cwd: tree }).catch((error) => error);
  report = found.stdout.replace(/\s+/g, ' ');
});

after(() => rm(tree, { recursive: true }));

for (const [rule, file, reason] of VIOLATIONS) {
  test(`${rule} is enforced, and the report says why`, () => {
    const entry = report.split(' error ').find((each) => each.startsWith(`${rule}: ${file} `));
    assert.ok(entry?.includes(reason), `${rule} for ${file} in: ${report}`);
  });
}

test('an import that follows the order is no violation', () => {
  assert.match(report, new RegExp(`x ${VIOLATIONS.length} dependency violations`));
});
