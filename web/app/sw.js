// The worker of version {{version}}. This file changes with every version, which is how browsers learn of one.
import { work } from "/app/{{version}}/worker.js";
work("{{version}}", "{{files}}".split(" "));
