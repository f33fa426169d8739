/** One right in a namespace, as Kubernetes' RBAC grants it. */
export interface Right {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'update' | 'create'
  /** API group; empty for the core group. */
  readonly group: string
  readonly resource: string
}

/** The right as `kubectl auth can-i` takes it: `patch deployments.apps`. */
export function rightText({ verb, group, resource }: Right): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`
}
