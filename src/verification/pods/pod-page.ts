import type { DeclaredPort, GuardedPod } from '../../domain/guarded-pod.ts'
import type { PodPage } from '../../domain/ports/pod-pages.ts'

/** Where metrics are in pods that do not say so themselves. */
export interface PageOption {
  readonly port?: number
  readonly path?: string
}

export type FoundPage = { readonly kind: 'found'; readonly page: PodPage } | { readonly kind: 'none'; readonly detail: string }

/** Names of ports at which metrics usually are, the plainest first. A mesh's own ports have other names. */
const PORT_NAMES = ['metrics', 'http-metrics', 'https-metrics', 'prometheus', 'http-prometheus', 'prom', 'http-prom', 'monitoring'] as const
const DEFAULT_PATH = '/metrics'
const LONGEST_PATH = 300

/**
 * Finds where a pod shows its metrics: as its annotations `prometheus.io/…` say, else at a port that it declares under a usual name, else
 * where the option says. A pod that says `prometheus.io/scrape: "false"` is not read.
 */
export function pageOf(pod: GuardedPod, option: PageOption = {}): FoundPage {
  const { annotations } = pod
  if (annotations['prometheus.io/scrape'] === 'false') return none('its annotation prometheus.io/scrape says that it is not to be read')
  const scheme = annotations['prometheus.io/scheme'] ?? ''
  if (scheme !== '' && scheme !== 'http' && scheme !== 'https') return none('its annotation prometheus.io/scheme is neither http nor https')
  const path = pathOf(annotations['prometheus.io/path'] ?? option.path ?? DEFAULT_PATH)
  if (path === undefined) return none('its path (prometheus.io/path) is none that may be called')
  const annotated = annotations['prometheus.io/port']
  const named = PORT_NAMES.map(name => pod.ports.find(port => port.name === name)).find(port => port !== undefined)
  const port = annotated === undefined ? (named?.port ?? option.port) : portOf(annotated, pod.ports)
  if (port === undefined || !isPort(port))
    return none(
      annotated === undefined
        ? `it says nowhere where its metrics are: an annotation prometheus.io/port, or a port named ${PORT_NAMES.join(', ')}`
        : 'its annotation prometheus.io/port is no port'
    )
  const isSecure = scheme === 'https' || (scheme === '' && annotated === undefined && named?.name === 'https-metrics')
  return { kind: 'found', page: { scheme: isSecure ? 'https' : 'http', port, path } }
}

/** A number, or the name of a port that the pod declares. */
function portOf(written: string, ports: readonly DeclaredPort[]): number | undefined {
  return /^\d{1,5}$/.test(written) ? Number(written) : ports.find(({ name }) => name === written)?.port
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536
}

/** The API server's proxy takes a path as it is: what climbs, or may climb once it is decoded, would leave the pod. */
function pathOf(written: string): string | undefined {
  if (written.length > LONGEST_PATH || !/^\/[!-~]*$/.test(written) || /\\|#|^\/\/|%(?:2[ef]|5c)/i.test(written)) return undefined
  const [path = ''] = written.split('?')
  return path.split('/').some(part => part === '.' || part === '..') ? undefined : written
}

function none(detail: string): FoundPage {
  return { kind: 'none', detail }
}
