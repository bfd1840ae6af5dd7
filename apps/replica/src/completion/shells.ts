import type { CompletedOption, Described, Place } from './places.ts';

/** The shells that there is a script for. */
export const SHELLS: Readonly<Record<string, (places: readonly Place[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(places: readonly Place[]): string {
  return `_forebay() {
  local place=forebay word words=
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
${walk(places, '    ')}
  done
  COMPREPLY=()
  case "$place $previous" in
${values(places, (choices) => `words=${quoted(choices.join(' '))}`, 'return')}
    *) case "$place" in
${words(places, (all) => `words=${quoted(all.map(({ word }) => word).join(' '))}`)}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _forebay forebay
`;
}

function zshScript(places: readonly Place[]): string {
  return `#compdef forebay
_forebay() {
  local place=forebay word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
${walk(places, '    ')}
  done
  case "$place $words[CURRENT-1]" in
${values(places, (choices) => `compadd -- ${choices.map(quoted).join(' ')}; return`, '_files; return')}
  esac
  case "$place" in
${words(places, (all) => `found=(${all.map((one) => quoted(described(one))).join(' ')})`)}
  esac
  _describe forebay found || _files
}
compdef _forebay forebay
`;
}

function fishScript(places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const when = `complete -c forebay -n ${quoted(`test (__forebay_place) = "${place.path}"`)}`;
    return [
      ...place.commands.map(
        ({ word, description }) => `${when} -f -a ${word} -d ${quoted(description)}`,
      ),
      ...place.options.map((option) => `${when} ${fishOption(option)}`),
    ];
  });
  return `function __forebay_place
  set -l place forebay
  for word in (commandline -opc)[2..-1]
    switch "$place $word"
      case ${leading(places).map(quoted).join(' ')}
        set place "$place $word"
    end
  end
  echo $place
end
${lines.join('\n')}
`;
}

function fishOption({ word, description, takesValue, choices }: CompletedOption): string {
  const name = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
  const list = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : ' -r';
  return `${name}${takesValue ? list : ''} -d ${quoted(description)}`;
}

/** Goes from word to word to the place that is meant; what is no command on the way is passed over. */
function walk(places: readonly Place[], indent: string): string {
  const patterns = leading(places).map(quoted).join('|');
  return `${indent}case "$place $word" in\n${indent}  ${patterns}) place="$place $word" ;;\n${indent}esac`;
}

function leading(places: readonly Place[]): string[] {
  return places.map(({ path }) => path).filter((path) => path.includes(' '));
}

function values(
  places: readonly Place[],
  list: (choices: readonly string[]) => string,
  other: string,
): string {
  const valued = places.flatMap(({ path, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ word, choices }) => ({ pattern: quoted(`${path} ${word}`), choices })),
  );
  const listed = valued.filter(({ choices }) => choices.length > 0);
  const free = valued.filter(({ choices }) => choices.length === 0);
  return [
    ...listed.map(({ pattern, choices }) => `    ${pattern}) ${list(choices)} ;;`),
    `    ${free.map(({ pattern }) => pattern).join('|')}) ${other} ;;`,
  ].join('\n');
}

function words(places: readonly Place[], list: (words: readonly Described[]) => string): string {
  const cases = places.map(
    ({ path, commands, options }) => `    ${quoted(path)}) ${list([...commands, ...options])} ;;`,
  );
  return cases.join('\n');
}

/** A word and what it is, as zsh takes them apart: at the colon. */
function described({ word, description }: Described): string {
  return `${word.replaceAll(':', '\\:')}:${description}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
