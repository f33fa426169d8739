/** An answer that is not a success, in the form of RFC 9457. The caller reads its detail, so it says nothing of Astern's insides. */
export class HttpProblem extends Error {
  readonly status: number
  readonly title: string
  readonly more: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    title: string,
    detail: string,
    about: { readonly more?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {}
  ) {
    super(detail, about.cause === undefined ? {} : { cause: about.cause })
    this.status = status
    this.title = title
    this.more = about.more ?? {}
  }
}
