/** The waiting reasons of a container whose image could not be pulled (kubelet `images/types.go`). */
const PULL_REASONS: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed'
])

/** Why an image could not be pulled. `passing`: waiting may end it, or nothing says that it does not. `untold`: this look says nothing. */
export const PULL_PROBLEMS = ['not-found', 'denied', 'passing', 'untold'] as const
export type PullProblem = (typeof PULL_PROBLEMS)[number]

/** Of a network, a registry or a limit: these words stand beside “not found” (`no such host`) and “denied” (`quota`), and they pass. */
const PASSING =
  /no such host|server misbehaving|time(?:d )?[- ]?out|deadline exceeded|connection (?:refused|reset)|reset by peer|broken pipe|unreachable|no route|\bEOF\b|too ?many ?requests|rate limit|quota|(?:status|code)[ :]+429|\b5\d\d (?:[A-Z]|internal|bad|service|gateway)|x509|certificate|tls:|proxyconnect/i

/** A registry that knows the repository and has no such tag or platform, or knows none. */
const NOT_FOUND = /not found|manifest unknown|name unknown|no match for platform|no matching manifest|does not exist|\b404\b/i

/** Docker Hub answers so for a repository that is not there, too. */
const DENIED =
  /pull access denied|denied:|access denied|unauthorized|not authorized|authentication required|authorization failed|forbidden|\b40[13]\b/i

/** Whether a container waits because its image could not be pulled. */
export function isPullReason(reason: string): boolean {
  return PULL_REASONS.has(reason)
}

/** Tells from the node's words why an image could not be pulled. Older kubelets repeat the cause only at the pull itself. */
export function pullProblem(reason: string, message: string): PullProblem {
  // Names of images and of servers may hold every word that is looked for.
  const cause = message.replaceAll(/"[^"]*"/g, '').replaceAll(/(?<!\S)(?!i\/o )\S*\/\S*/g, '')
  if (PASSING.test(cause)) return 'passing'
  if (DENIED.test(cause)) return 'denied'
  if (NOT_FOUND.test(cause)) return 'not-found'
  return reason === 'ImagePullBackOff' && /^back-off pulling image *$/i.test(cause.trim()) ? 'untold' : 'passing'
}
