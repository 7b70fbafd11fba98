#!/usr/bin/env node
// npm links this file as node_modules/.bin/fleetbridge, so that `npx fleetbridge` works in the clone.
import '../../../infra/scripts/fleetbridge.mjs';
