/** A requested certificate can't be issued: an invalid host, or an authority or a key that can't sign. */
export class CertificateRequestError extends Error {
  override readonly name = 'CertificateRequestError';
}
