/** An object that a run would write, or that would be written in place of its target. */
export interface Touched {
  readonly kind: string
  readonly name: string
  /** Absent for a cluster-scoped object. */
  readonly namespace?: string
  /** API group; absent where it does not matter, because the kind is Astern's own name for it. */
  readonly group?: string
  /** Its owner forbids that it goes back. */
  readonly oneWay?: true
  /** It is written in place of the target, because it owns it. */
  readonly owner?: true
}

/** The annotation by which an owner forbids that an object goes back, for instance after a migration of its data. */
export const ONE_WAY_ANNOTATION = 'astern.dev/rollback'

/** Whether the annotations forbid that their object goes back. */
export function isOneWayDoor(annotations: Readonly<Record<string, string>>): boolean {
  return annotations[ONE_WAY_ANNOTATION] === 'deny'
}

/** `Deployment/shop/api`, as targets are named too; undefined for a cluster-scoped object, which no run locks. */
export function touchedKey({ kind, namespace, name }: Touched): string | undefined {
  return namespace === undefined ? undefined : `${kind}/${namespace}/${name}`
}

/** Whether both mean the same object. A group that is not told matches any. */
export function isSame(one: Touched, other: Touched): boolean {
  return (
    one.kind === other.kind &&
    one.name === other.name &&
    one.namespace === other.namespace &&
    (one.group === undefined || other.group === undefined || one.group === other.group)
  )
}

/** How people read it. */
export function touchedName({ kind, namespace, name }: Touched): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}
