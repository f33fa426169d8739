import type { GuardBody } from '../../api/guard-request.ts'
import { GUARDED_KINDS } from '../../domain/guard-entries.ts'
import { CommandError, EXIT } from '../exit.ts'

/** The names that kubectl knows, too. */
const KINDS: Readonly<Record<string, (typeof GUARDED_KINDS)[number]>> = {
  deploy: 'Deployment',
  deployment: 'Deployment',
  deployments: 'Deployment',
  'deployment.apps': 'Deployment',
  'deployments.apps': 'Deployment',
  sts: 'StatefulSet',
  statefulset: 'StatefulSet',
  statefulsets: 'StatefulSet',
  'statefulset.apps': 'StatefulSet',
  'statefulsets.apps': 'StatefulSet',
  ds: 'DaemonSet',
  daemonset: 'DaemonSet',
  daemonsets: 'DaemonSet',
  'daemonset.apps': 'DaemonSet',
  'daemonsets.apps': 'DaemonSet'
}

const NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/
const OTHERWISE = 'default'

/** Reads `TYPE/NAME` with `-n`, or `TYPE/NAMESPACE/NAME`. @throws CommandError for what names no workload */
export function targetOf(text: string | undefined, namespace: string | undefined): GuardBody['target'] {
  if (text === undefined) throw usage('name what was deployed, as TYPE/NAME: deploy/api')
  const parts = text.split('/')
  const [type = '', second = '', third] = parts
  const kind = Object.hasOwn(KINDS, type.toLowerCase()) ? KINDS[type.toLowerCase()] : undefined
  if (kind === undefined || parts.length < 2)
    throw usage(`${text}: must be TYPE/NAME or TYPE/NAMESPACE/NAME, where TYPE is one of ${GUARDED_KINDS.join(', ')} (deploy, sts, ds)`)
  if (parts.length > 3) throw usage(`${text}: has more than three parts; it must be TYPE/NAME or TYPE/NAMESPACE/NAME`)
  if (third !== undefined && namespace !== undefined && namespace !== second)
    throw usage(`${text} lies in ${second}, and -n says ${namespace}: say it once`)
  const ref = { kind, namespace: third === undefined ? (namespace ?? OTHERWISE) : second, name: third ?? second }
  for (const part of [ref.namespace, ref.name])
    if (!NAME.test(part) || part.length > 253) throw usage(`${text}: ${JSON.stringify(part)} is no name in Kubernetes`)
  return ref
}

function usage(message: string): CommandError {
  return new CommandError(EXIT.usage, message)
}
