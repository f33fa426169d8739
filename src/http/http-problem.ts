/** An answer that is not a success, as RFC 9457 describes problems. Its detail is for the caller to read: no inner workings. */
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
