/** Kubernetes' three levels, the laxest first. */
export const POD_SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'] as const
export type PodSecurityLevel = (typeof POD_SECURITY_LEVELS)[number]

/** What a namespace says in its labels. A level that is absent is the cluster's default, which nobody can read. */
export interface PodSecurityLabels {
  readonly enforce?: PodSecurityLevel
  readonly warn?: PodSecurityLevel
}

/** The levels that the labels of a namespace set. */
export function podSecurityLabels(labels: Readonly<Record<string, string>>): PodSecurityLabels {
  const level = (mode: string): PodSecurityLevel | undefined =>
    POD_SECURITY_LEVELS.find(known => known === labels[`pod-security.kubernetes.io/${mode}`])
  const [enforce, warn] = [level('enforce'), level('warn')]
  return { ...(enforce === undefined ? {} : { enforce }), ...(warn === undefined ? {} : { warn }) }
}

const VIOLATES = /^would violate PodSecurity "(privileged|baseline|restricted)(?::[^"]*)?": (.*)$/s

/** The warnings of Pod Security among those of a write. */
export function podSecurityWarnings(warnings: readonly string[]): readonly string[] {
  return warnings.filter(text => VIOLATES.test(text))
}

/**
 * What only `restricted` forbids, by the words of the server's own warning. Of seccomp that is a profile that is missing; `baseline`
 * forbids one of its values too.
 */
const ONLY_RESTRICTED =
  /^(?:(?:allowPrivilegeEscalation != false|unrestricted capabilities|restricted volume types|runAsNonRoot != true|runAsUser=0) \(|seccompProfile \((?!.*must not set))/

/** Whether a namespace that enforces `baseline` takes pods of which `restricted` warns so. Whatever is not known counts as forbidden. */
function passesBaseline(text: string): boolean {
  const found = VIOLATES.exec(text)
  if (found?.[1] !== 'restricted') return false
  // The parts are divided by commas, and so are the names of containers within their brackets.
  return (found[2] ?? '').split(/(?<=\)), /).every(part => ONLY_RESTRICTED.test(part))
}

export interface PodSecurityQuestion {
  /** The warnings about the template that would be put back. */
  readonly warned: readonly string[]
  /** The warnings about the present template. */
  readonly present: readonly string[]
  /** Absent where Astern may not read them. */
  readonly labels?: PodSecurityLabels
}

/**
 * Whether Pod Security would let the pods of a template in: `cannot` says why not, `unseen` what was not looked at. The API server
 * refuses no Deployment for its pods, it only warns; so the pods would be missing afterwards.
 */
export function judgePodSecurity({ warned, present, labels }: PodSecurityQuestion): { readonly cannot?: string; readonly unseen?: string } {
  const texts = podSecurityWarnings(warned)
  const { enforce, warn } = labels ?? {}
  const first = texts[0]
  if (first === undefined) {
    const laxer = enforce !== undefined && warn !== undefined && POD_SECURITY_LEVELS.indexOf(warn) < POD_SECURITY_LEVELS.indexOf(enforce)
    return laxer
      ? {
          unseen: `whether Pod Security lets its pods in: the namespace enforces ${enforce} and warns only of ${warn}, and no pod is tried`
        }
      : {}
  }
  if (enforce === 'privileged') return {}
  if (enforce === 'baseline') return texts.every(passesBaseline) ? {} : { cannot: first }
  if (enforce === 'restricted') return { cannot: first }
  // Without a label the cluster's default counts. The present template, whose pods run here, shows what that lets in.
  return podSecurityWarnings(present).length > 0 ? {} : { cannot: first }
}
