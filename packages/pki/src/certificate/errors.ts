/** A certificate was asked for that can't be made: a host that is none, an authority or key that can't sign. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
}
