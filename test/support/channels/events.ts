import { type JsonObject, textAt } from '../../../src/base/json.ts'
import type { Kube, KubeAnswer } from '../../../src/domain/ports/kube.ts'
import type { Fault, Shown } from './stand-in.ts'

export interface EventApi extends Pick<Kube, 'get' | 'post'> {
  /** The Events by their name, oldest first. */
  readonly events: Map<string, JsonObject>
  shows(name: string): Shown
}

/** The two calls that Events need: every object is there, and a name is taken once. */
export function eventApi(down: () => Fault | undefined): EventApi {
  const events = new Map<string, JsonObject>()
  const failing = (): KubeAnswer | undefined => {
    const fault = down()
    if (fault === 'busy') return { kind: 'error', status: 429, detail: 'too many requests' }
    if (fault === 'broken') return { kind: 'error', status: 503, detail: 'the server is currently unable to handle the request' }
    return fault === undefined ? undefined : { kind: 'unreachable', detail: 'connection reset' }
  }
  const taking = (): boolean => ['taken', 'silent', undefined].includes(down())
  return {
    events,
    shows(name) {
      const last = [...events.values()].filter(event => textAt(event, 'note')?.includes(name)).at(-1)
      return last === undefined ? 'nothing' : textAt(last, 'type') === 'Warning' ? 'call' : 'over'
    },
    async get(path) {
      // The read is what fails first, but where the write is taken.
      return (taking() ? undefined : failing()) ?? { kind: 'ok', status: 200, object: { metadata: { uid: `uid of ${path}` } } }
    },
    async post(_path, object) {
      const name = textAt(object, 'metadata', 'name') ?? ''
      if (Buffer.byteLength(textAt(object, 'note') ?? '') > 1_024 || !/^[a-z0-9.-]{1,253}$/.test(name))
        return { kind: 'error', status: 422, detail: 'invalid' }
      const known = events.has(name)
      if (taking() && !known) events.set(name, object)
      return failing() ?? (known ? { kind: 'error', status: 409, detail: 'already exists' } : { kind: 'ok', status: 201, object })
    }
  }
}
