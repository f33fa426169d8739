/** What people are told of a URL that cannot be read. It may hold a secret anywhere. */
const UNREADABLE = 'a URL that cannot be read'

/**
 * A URL that turns into text only as people may see it, however it is written down: in a sentence, in JSON, in a log.
 * A URL that stands in a policy shows its host and path, because people approve what they see. One that comes from a file shows nothing.
 */
export class RedactedUrl {
  readonly #href: string
  /** What people are told of it. */
  readonly told: string
  /** True where nothing of it may be told, its host included. */
  readonly opaque: boolean

  private constructor(href: string, shown: { readonly told: string; readonly opaque: boolean }) {
    this.#href = href
    this.told = shown.told
    this.opaque = shown.opaque
  }

  /** A URL that stands where people read it. Its query and its fragment may hold a secret all the same. */
  static written(href: string): RedactedUrl {
    return new RedactedUrl(href, { told: toldUrl(href), opaque: false })
  }

  /** A URL that is the content of a file. */
  static inFile(href: string, file: string): RedactedUrl {
    return new RedactedUrl(href, { told: `the URL in ${file}`, opaque: true })
  }

  /** The URL itself, for the one who sends the request. */
  reveal(): string {
    return this.#href
  }

  toString(): string {
    return this.told
  }

  toJSON(): string {
    return this.told
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.told
  }
}

/** The text of a URL for people: without user info, query and fragment. Templates stay as they are written. */
export function toldUrl(url: string): string {
  const bare = url.split(/[?#]/)[0] ?? ''
  // What stands where in a URL that does not parse, nobody knows: a password with a slash in it looks like a path.
  if (!URL.canParse(bare.replaceAll(/\{\{.*?\}\}/g, 'x'))) return UNREADABLE
  const found = /^([a-z][a-z0-9+.-]*:\/\/)([^/\\]*)(.*)$/is.exec(bare)
  if (found === null) return UNREADABLE
  const [, scheme = '', authority = '', path = ''] = found
  return scheme + authority.slice(authority.lastIndexOf('@') + 1) + path
}

/** Why a URL with user info is refused. The URL itself is not told, because its password is in it. */
export const USER_INFO = 'holds user info (user:password@), which is a secret: give it by a file'

/** Whether a URL names a user or a password, which is never told where it came from (`http://user:password@host`). */
export function hasUserInfo(url: string): boolean {
  return (
    /^[a-z][a-z0-9+.-]*:[/\\]*[^/\\?#]*@/i.test(url) ||
    (URL.canParse(url) && (new URL(url).username !== '' || new URL(url).password !== ''))
  )
}

/**
 * Says what is wrong with a base URL, behind which Astern puts paths; undefined where nothing is. An @ anywhere in it counts as user
 * info, because a password with a slash in it ends the host early.
 */
export function baseUrlFault(url: string): string | undefined {
  if (url.includes('@')) return USER_INFO
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return 'is not a URL that begins with http:// or https://'
  return /[?#]/.test(url) ? 'is a base URL, which has no ? and no #' : undefined
}
