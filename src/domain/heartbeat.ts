/** A sign of life for a service outside that calls people when it does not come. */
export interface HeartbeatSettings {
  /** File with the URL, which is a secret: whoever knows it can keep the service quiet. */
  readonly urlFile: string
  readonly method: 'GET' | 'POST'
  /** File with what is sent as `Authorization`. */
  readonly authorizationFile?: string
  /** Milliseconds between two. */
  readonly every: number
}

/** What became of one. `withheld`: Astern does not work as it should, and so says nothing. */
export const HEARTBEAT_RESULTS = ['sent', 'failed', 'withheld'] as const
export type HeartbeatResult = (typeof HEARTBEAT_RESULTS)[number]

/** The newest one, for people. */
export interface HeartbeatTold {
  readonly result: HeartbeatResult
  readonly at: number
  /** Why it was not sent, or not taken; empty where it was. */
  readonly detail: string
}

/** The loops by which all work is done. One that stands still is seen by nobody but by what counts its turns. */
export const LOOPS = ['worker', 'sender', 'guards', 'lookout'] as const
export type Loop = (typeof LOOPS)[number]
