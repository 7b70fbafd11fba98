export { type AllowedPath, parseAllowedPaths } from './allowed-paths.js';
export { createUpstream, type ForwardedRequest, type Upstream, type UpstreamAnswer } from './upstream.js';
