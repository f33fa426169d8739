import { instantAt, type JsonObject, listAt, objectAt, textMap } from '../base/json.ts'

/** Kubernetes' three levels, the laxest first. */
export const POD_SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'] as const
export type PodSecurityLevel = (typeof POD_SECURITY_LEVELS)[number]

/** What a namespace says in its labels. A level that is absent is the cluster's default, which nobody can read. */
export interface PodSecurityLabels {
  readonly enforce?: PodSecurityLevel
  readonly warn?: PodSecurityLevel
  /** When somebody last set what is enforced, API server's clock. */
  readonly since?: number
}

const ENFORCE = 'pod-security.kubernetes.io/enforce'

/** What the metadata of a namespace says of Pod Security. */
export function podSecurityLabels(metadata: JsonObject): PodSecurityLabels {
  const labels = textMap(metadata['labels'])
  const level = (name: string): PodSecurityLevel | undefined => POD_SECURITY_LEVELS.find(known => known === labels[name])
  const [enforce, warn] = [level(ENFORCE), level('pod-security.kubernetes.io/warn')]
  const times = listAt(metadata, 'managedFields')
    .filter(entry => objectAt(entry, 'fieldsV1', 'f:metadata', 'f:labels')[`f:${ENFORCE}`] !== undefined)
    .flatMap(entry => instantAt(entry, 'time') ?? [])
  return {
    ...(enforce === undefined ? {} : { enforce }),
    ...(warn === undefined ? {} : { warn }),
    ...(times.length === 0 ? {} : { since: Math.max(...times) })
  }
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
  /** When the newest pod of the present template was made, API server's clock; absent where it has none. */
  readonly newestPod?: number
  /** Absent where Astern may not read them. */
  readonly labels?: PodSecurityLabels
}

/**
 * Whether Pod Security would let the pods of a template in: `cannot` says why not, `unseen` what was not looked at. The API server
 * refuses no Deployment for its pods, it only warns; so the pods would be missing afterwards (facts B.10).
 */
export function judgePodSecurity({ warned, present, newestPod, labels }: PodSecurityQuestion): {
  readonly cannot?: string
  readonly unseen?: string
} {
  const texts = podSecurityWarnings(warned)
  const { enforce, warn, since } = labels ?? {}
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
  const forbids = (text: string): boolean => enforce !== 'baseline' || !passesBaseline(text)
  if (!texts.some(forbids)) return {}
  // A webhook may mend pods that the template alone would not get in. Then the present template is warned of too, and its pods came
  // in under the same rule.
  const cameIn = enforce === undefined || since === undefined || (newestPod !== undefined && newestPod > since)
  return podSecurityWarnings(present).some(forbids) && cameIn ? {} : { cannot: first }
}
