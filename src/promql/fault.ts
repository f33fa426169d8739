/** A fault in a query. It is thrown inside the parser, and `parsePromql` answers it as a value. */
export class PromqlFault extends Error {
  /** Characters into the query. */
  readonly offset: number

  constructor(message: string, offset: number) {
    super(message)
    this.offset = offset
  }
}
