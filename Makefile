# SPDX-License-Identifier: Apache-2.0
#
# make run    build, and start an unprivileged instance with a CLI
# make test   every test, from units to booted systems; closes with a count
# make packages   deb and rpm packages in dist/
# make build | check | bench | fuzz | clean

GO      ?= go
# where the Go project puts itself, for a shell that has not been told
export PATH := $(PATH):/usr/local/go/bin
# the version is in VERSION; what git thinks of the folder must not matter
export GOFLAGS := $(GOFLAGS) -buildvcs=false
VERSION ?= $(shell cat VERSION)
LDFLAGS  = -s -w -X main.version=$(VERSION)
PURE     = nsod nso nso-exec nso-listen nso-mediate nso-generator nso-netconf-subsystem
# what needs the C library: PAM and the name service
LIBC     = nso-pam nso-nss
CGO      = $(shell printf '\#include <security/pam_appl.h>' | $${CC:-gcc} -E - >/dev/null 2>&1 && echo 1 || echo 0)
# seconds each fuzz target runs under "make fuzz"
FUZZTIME ?= 60s

.PHONY: build packages run test check bench fuzz clean setup-run setup-test

# One static, stripped binary each, the same bytes on every machine.
build:
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ $(PURE:%=./cmd/%)
	@[ $(CGO) = 1 ] || echo "built without PAM: nso-pam and nso-nss only say so; install gcc libc6-dev libpam0g-dev" >&2
	CGO_ENABLED=$(CGO) $(GO) build -trimpath -buildmode=pie -ldflags '$(LDFLAGS) -extldflags "-Wl,-z,relro,-z,now"' -o bin/ $(LIBC:%=./cmd/%)
	@ln -sf nso bin/nso-cli

# deb and rpm in dist/, the same bytes for the same sources.
packages: build
	@packaging/build dist

setup-run:
	@test/setup run

run: setup-run build
	@exec bin/nso run $(ARGS)

setup-test:
	@test/setup test

test: setup-test build
	@test/all

check:
	@test/check

bench: build
	@test/bench

fuzz:
	@test/fuzz $(FUZZTIME)

clean:
	rm -rf bin dist .cache
