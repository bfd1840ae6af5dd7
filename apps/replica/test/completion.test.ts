import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const bin = fileURLToPath(new URL('../bin/forebay.js', import.meta.url));

/** What each shell is told to complete `$LINE` by the script that is in `$SCRIPT`. */
const ASK = {
  bash: `eval "$SCRIPT"
    read -ra COMP_WORDS <<< "$LINE"
    [[ $LINE == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
    _forebay
    printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: `echo $SCRIPT | source; complete -C "$LINE" | string replace -r '\\t.*' ''`,
};

const isInstalled = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

/** What may come at the end of a line, in alphabetical order. */
async function completed(shell: keyof typeof ASK, line: string): Promise<string[]> {
  const { stdout: script } = await run(process.execPath, [bin, 'completion', shell]);
  const env = { ...process.env, SCRIPT: script, LINE: line };
  const { stdout } = await run(shell, ['-c', ASK[shell]], { env });
  return stdout
    .split('\n')
    .filter((word) => word !== '')
    .sort();
}

for (const shell of ['bash', 'fish'] as const) {
  describe.runIf(isInstalled(shell))(`${shell} completes`, () => {
    it.each([
      ['forebay re', ['replica', 'restore']],
      ['forebay completion b', ['bash']],
      ['forebay rdb d', ['diff']],
      ['forebay cursor ', ['--help', 'list', 'rm', 'set']],
      ['forebay replica --appendf', ['--appendfsync']],
      ['forebay replica --dir data --appendfsync ', ['always', 'everysec', 'no']],
      ['forebay replica --tls --no', ['--no-protected-mode']],
      // The same name has other flags in another place.
      ['forebay check --', ['--boot', '--help', '--json', '--repair', '--server']],
      ['forebay rdb check --', ['--help', '--json']],
    ])('%s', async (line, words) => {
      expect(await completed(shell, line)).toEqual(words);
    });
  });
}

it.runIf(isInstalled('zsh'))('zsh takes its script', async () => {
  const { stdout: script } = await run(process.execPath, [bin, 'completion', 'zsh']);
  await run('zsh', ['-n', '-c', script]);
});

it('a shell that there is no script for is refused: 64', async () => {
  const failure = run(process.execPath, [bin, 'completion', 'tcsh']);
  await expect(failure).rejects.toMatchObject({
    code: 64,
    stderr: expect.stringMatching(/bash, zsh, fish/),
  });
});
