# Debian packages. For `make run`: the emulator, and the keys that prove packages.
RUN_PACKAGES = qemu-system-x86 debian-archive-keyring
# For `make test` also what the tests hold xtest against: an ssh server and its client, container
# runtimes, cpio, mke2fs, disk images (qemu-img, sfdisk, sgdisk), a terminal (script), a browser
# for the pages, and a compiler for the fuzzer's plugin.
TEST_PACKAGES = $(RUN_PACKAGES) openssh-client openssh-server runc crun cpio e2fsprogs qemu-utils fdisk gdisk bsdutils libxen-dev perl git gcc libc6-dev rpm man-db chromium

export CGO_ENABLED = 0
GO ?= go
PACKAGES ?= $(TEST_PACKAGES)
BUILD = $(GO) build -trimpath -ldflags "-s -w" -o bin/xtest ./cmd/xtest

.PHONY: run test check build bench dist deps clean

run: PACKAGES = $(RUN_PACKAGES)
run: deps build ## judge a stock Debian 12: its kernel and its hypervisor
	@# Status 1 says that something failed on the target: a result, and no error of this command.
	bin/xtest run || [ $$? -eq 1 ]

test: PACKAGES = $(TEST_PACKAGES)
test: deps check bin/runsc ## set up and pass the tests
	PATH="$(CURDIR)/bin:$$PATH" $(GO) test -timeout 60m ./...
	cd packaging && $(GO) test ./...

# gVisor, a container runtime that the tests hold xtest against. Without it they skip what needs it.
RUNSC = gvisor.dev/gvisor/runsc@v0.0.0-20260905035102-160fafc42237
bin/runsc:
	-GOBIN="$(CURDIR)/bin" $(GO) install $(RUNSC)

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	cd packaging && $(GO) vet ./...

build: ## bin/xtest, one static binary
	$(BUILD)

bench: PACKAGES = $(TEST_PACKAGES)
bench: deps build ## figures, as ratios against a bare reference within one run
	$(GO) test -run '^$$' -bench . -benchtime 5x -timeout 60m ./...

dist: ## what users install, in dist/: packages, a container image, man pages, completions, checksums
	cd packaging && $(GO) run . $(if $(VERSION),-version $(VERSION))

deps: ## install what is missing, as root; else say how
	@missing=$$(for p in $(PACKAGES); do dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q '^install ok installed' || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then \
		apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; \
	else \
		echo "missing:" $$missing; echo "install it with: sudo apt-get install --no-install-recommends" $$missing; \
	fi

clean:
	rm -rf bin dist
