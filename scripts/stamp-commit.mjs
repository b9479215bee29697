// The end of a build: writes beside the compiled program which commit it was compiled from.

import { stampBuild } from '../dist/commit.js';

stampBuild();
