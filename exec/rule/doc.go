// SPDX-License-Identifier: Apache-2.0

// Package rule is the rules of what may be run as another user, as pure functions: a
// text to rules, and a rule with values to a command.
//
// It opens and starts nothing. exec/folder reads the files, and cmd/nso-exec runs.
//
//	[rule.ping]
//	description = "ask a host whether it is there"
//	program     = "/usr/bin/ping"
//	arguments   = ["-c", "{count}", "--", "{host}"]
//	run-as      = "caller"
//	groups      = ["nso-oper"]
//
//	[rule.ping.argument.count]
//	type = "integer"
//	min = 1
//	max = 100
//	default = "3"
//
//	[rule.ping.argument.host]
//	type = "host"
//
// Invariants:
//  1. A key that is not known is an error with file and line; so is anything that
//     cannot be used. A text with an error gives no rule at all.
//  2. A Rule that Parse returned is whole: names, program, arguments, limits and
//     values have been checked, and each argument is used.
//  3. The program and all of argv come from the rule; a value fills one place of it
//     and never makes another element, an option or an empty argv.
//  4. The environment is made from nothing: what the rule says, what it lets through
//     of what is asked for, and what this package sets. Names that change what a
//     program loads or runs are let through by no rule.
//  5. Who is named by nothing is allowed nothing: a rule without users and groups is
//     for nobody.
package rule
