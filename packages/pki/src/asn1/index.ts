export {
  type Asn1,
  bitString,
  boolean,
  decode,
  encode,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  parts,
  sequence,
  set,
  time,
  utf8String,
} from './asn1.js';
export { type DerElement, type DerFailure, DerReader, tags } from './der.js';
