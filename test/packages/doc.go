// SPDX-License-Identifier: Apache-2.0

// Package packages builds the deb and rpm packages and looks into them: the same
// bytes twice, what is in them and whose, manual pages, and what lintian, rpmlint,
// man, mandoc, visudo and the service manager's own tools say.
//
// It installs nothing: test/boot does.
package packages
