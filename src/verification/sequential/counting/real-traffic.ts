import type { Labels } from './scrape.ts'

/** Labels that may hold a request’s path, in the order in which they are looked at. `endpoint` is a port’s name in most clusters. */
export const PATH_LABELS = ['http_route', 'route', 'path', 'uri', 'handler', 'url_path', 'http_target', 'url', 'resource'] as const

const SERVICE_LABELS = ['grpc_service', 'rpc_service'] as const

const PROBE_PATH =
  /^\/?(?:-\/)?(?:_?health(?:z|y|[-_]?check)?|live(?:z|ness)?|ready(?:z)?|readiness|startup(?:z)?|ping|metrics|prometheus|actuator\/(?:health|prometheus|metrics|info)|q\/(?:health|metrics))(?:\/(?:live|liveness|ready|readiness|started|startup))?\/?$/i

const PROBE_SERVICE = /^grpc\.(?:health|reflection)\./

const PROBE_AGENT = /^(?:kube-probe|prometheus)\//i

/**
 * Whether a series counts no traffic: probes, the scrapes themselves, gRPC’s health and reflection services. `probePaths` are those that
 * the pods’ specs name.
 */
export function isProbe(labels: Labels, probePaths: readonly string[] = []): boolean {
  const path = PATH_LABELS.map(name => labels[name]).find(value => value !== undefined && value !== '')
  if (path !== undefined && (PROBE_PATH.test(path) || probePaths.includes(path))) return true
  if (SERVICE_LABELS.some(name => PROBE_SERVICE.test(labels[name] ?? ''))) return true
  return PROBE_AGENT.test(labels['user_agent'] ?? '')
}

/** Whether probes can be told apart in a series at all. */
export function tellsPath(labels: Labels): boolean {
  return [...PATH_LABELS, ...SERVICE_LABELS, 'user_agent'].some(name => labels[name] !== undefined && labels[name] !== '')
}
