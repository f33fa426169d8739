import type { HelmProblem } from './helm-port.ts'

/** Patterns of helm's errors. All have exit code 1, so only the text distinguishes them (facts C.4). The first match counts. */
const TEXTS: readonly (readonly [RegExp, HelmProblem])[] = [
  [/forbidden/i, 'forbidden'],
  [/Kubernetes cluster unreachable|connection refused|no such host|i\/o timeout/i, 'unreachable'],
  [/release: not found/i, 'release-not-found'],
  [/release has no \d+ version|revision .* not found/i, 'revision-gone'],
  [/another operation .* is in progress/i, 'busy'],
  [/Apply failed with \d+ conflict/i, 'field-conflict'],
  [/already exists/i, 'lost-race'],
  [/has no deployed releases/i, 'no-deployed-release'],
  [/unable to build kubernetes objects /i, 'unbuildable'],
  [/could not find the requested resource|no matches for kind/i, 'unserved'],
  [/timed out waiting|context deadline exceeded|not ready/i, 'not-ready-in-time']
]

/** How much of an error is told, characters: every line of those that were seen, and no flood. */
const LONGEST = 1_500
/** How much of an error is looked at, characters: a manifest may be quoted whole. */
const READ = 16_000
/** No name of Kubernetes is longer, and what has no space for longer is data. */
const LONGEST_WORD = 253
/** So much of data is shown that people see what it is, characters. */
const SHOWN_OF_DATA = 30

/** What is reported of an error: its kind, and its whole text without anything that could be a value of the release. */
export function classify(stderr: string): { readonly problem: HelmProblem; readonly detail: string } {
  const problem = TEXTS.find(([pattern]) => pattern.test(stderr))?.[1] ?? 'other'
  return { problem, detail: `helm: ${masked(errorOf(stderr))}` }
}

/** What helm says from its error on. What it writes before are warnings. */
function errorOf(stderr: string): string {
  const lines = stderr.split('\n')
  const at = lines.findIndex(line => line.startsWith('Error:'))
  return at === -1 ? 'it gave no reason' : lines.slice(at).join('\n')
}

/** An apostrophe within a word opens no quote. A quote that never ends goes to the end of the line. */
const QUOTED = /"(?:[^"\\]|\\.)*(?:"|$)|(?<!\w)'[^']*(?:'|$)|`[^`]*(?:`|$)/g
/** After these words stands a value: up to the colon after it where it is quoted or a word, else up to the end of the line. */
const VALUE = /\b((?:Invalid|Unsupported|Duplicate) value|got|unmarshal\w* \w+):? (?:(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)(?=[:,]|$)|.*)/gi
/** After one of these words a quoted text is a kind, a version or a name, and no value. */
const NAMED =
  /\b(?:kind|version|API group|release|namespace|manager|webhook|hook|user|policy|binding|quota|resource|conflict with|PodSecurity|name:|namespace:)\s*$/i
/** A resource or a kind, perhaps with its group, such as `configmaps` or `Deployment.apps`: before the name of an object … */
const OBJECT = /\b(?:(?:pod|service|secret|configmap|node|namespace|serviceaccount|persistentvolumeclaim)s?|[a-z]+(?:\.[a-z0-9-]+)+)\s$/i
/** … which the API server then says something of. */
const SAID_OF = /^ (?:is (?:invalid|forbidden)|not found|already exists)/
/** A name: short, and without anything but what names are made of. */
const NAME = /^([A-Za-z0-9]([-A-Za-z0-9_.:/]*[A-Za-z0-9])?)?$/

/**
 * Takes out of an error what could be a value. The API server quotes what it rejects, and a chart may put a password anywhere. Kinds,
 * versions and names of objects are shown, because without them nobody can mend it.
 */
export function masked(text: string): string {
  const lines = text.slice(0, READ).split('\n')
  const shown = lines
    .map(line => maskedLine(line.trim()))
    .filter(line => line !== '')
    .join('; ')
  return shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown
}

function maskedLine(line: string): string {
  const withoutValues = line.replaceAll(VALUE, '$1: …')
  const withoutQuotes = withoutValues.replaceAll(QUOTED, (quoted, at: number) => {
    const [before, after] = [withoutValues.slice(Math.max(0, at - LONGEST_WORD), at), withoutValues.slice(at + quoted.length)]
    const isNamed = NAMED.test(before) || (OBJECT.test(before) && SAID_OF.test(after))
    return isNamed && isName(quoted) ? quoted : '"…"'
  })
  return withoutQuotes.replaceAll(/\S+/g, word => (word.length > LONGEST_WORD ? word.slice(0, SHOWN_OF_DATA) : word))
}

function isName(quoted: string): boolean {
  const inner = quoted.slice(1, -1)
  return quoted.length > 1 && quoted.at(-1) === quoted[0] && inner.length <= LONGEST_WORD && NAME.test(inner)
}
