/** One thing that Kubernetes' RBAC allows in a namespace, or does not. */
export interface Right {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'update' | 'create'
  /** API group; empty for the core group. */
  readonly group: string
  readonly resource: string
}

/** As `kubectl auth can-i` takes it: `patch deployments.apps`. */
export function rightText({ verb, group, resource }: Right): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`
}
