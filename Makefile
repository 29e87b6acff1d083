# The front door. CMake does the work; see CMakePresets.json for the presets and CONTRIBUTING.md for where is what.
PRESET ?= release
BUILD  := build/$(PRESET)
JOBS   ?= $(shell nproc)
DESTDIR ?=
PREFIX ?= /usr/local

.PHONY: all build demo test check bench interop mixed-fleets install sim torture soak model static static-test package package-test clean format deps deps-test deps-check deps-interop deps-static deps-package deps-package-test
all: build

deps:
	@scripts/deps.sh build
deps-test:
	@scripts/deps.sh test
deps-check:
	@scripts/deps.sh check
deps-interop:
	@scripts/deps.sh interop

deps-static:
	@scripts/deps.sh static
deps-package:
	@scripts/deps.sh package
deps-package-test:
	@scripts/deps.sh package-test

build: deps
	@mkdir -p build
	@cmake --preset $(PRESET) -DLEASEHOLD_TESTS=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) -- --quiet

demo: build
	@python3 scripts/demo.py --leasehold $(BUILD)/leasehold --worker $(BUILD)/stamper --lock $(or $(LOCK),lease) --svg build/demo.svg

test: deps-test
	@mkdir -p build
	@cmake --preset $(PRESET) -DLEASEHOLD_TESTS=ON >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) -- --quiet
	@ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure $(TESTFLAGS)

model:
	@mkdir -p build
	@cmake --preset $(PRESET) -DLEASEHOLD_TESTS=OFF >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) --target leasehold-model -- --quiet
	@tests/model/all.sh $(BUILD)/src/model/leasehold-model

check: deps-check
	@scripts/check.sh

# Ours beside each elector of today on a real server, in minutes: make mixed-fleets, with ONLY=fabric8 for one of them.
mixed-fleets: deps-interop build
	@tests/interop/build-server.sh
	@python3 tests/interop/mixed_fleets.py --leasehold $(BUILD)/leasehold --stamper $(BUILD)/stamper $(if $(ONLY),-k $(ONLY))

# ROUNDS=N and ONLY=handover,crash,... for the part beside client-go.
bench: deps-interop
	@mkdir -p build
	@cmake --preset $(PRESET) -DLEASEHOLD_TESTS=ON >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) -- --quiet
	@python3 bench/bench.py --build $(BUILD)
	@$(BUILD)/tests/bench_members
	@tests/interop/build-server.sh
	@python3 bench/peers.py --build $(BUILD) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

# Random menus by seed on all cores: make sim TIME=600 SEED=1.
sim: build
	@scripts/sim.py $(BUILD)/src/sim/leasehold-sim --time $(or $(TIME),60) $(if $(SEED),--seed $(SEED))

# Real faults on real processes: make torture TIME=600 SEED=1 LOCK=configmap SERVER=real ONLY=stop,kill.
torture: build
	@$(if $(filter real,$(SERVER)),tests/interop/build-server.sh etcd kube-apiserver kubectl >/dev/null)
	@python3 scripts/torture.py --leasehold $(BUILD)/leasehold --worker $(BUILD)/stamper --time $(or $(TIME),120) \
		$(if $(SEED),--seed $(SEED)) $(if $(LOCK),--lock $(LOCK)) $(if $(SERVER),--server $(SERVER)) $(if $(ONLY),--only $(ONLY))

# An hour, or TIME seconds, of faults that let processes live: memory, descriptors and threads stay flat.
soak: build
	@python3 scripts/torture.py --leasehold $(BUILD)/leasehold --worker $(BUILD)/stamper --soak --time $(or $(TIME),3600) \
		$(if $(SEED),--seed $(SEED)) $(if $(LOCK),--lock $(LOCK)) $(if $(ONLY),--only $(ONLY))

interop: deps-interop
	@mkdir -p build
	@cmake --preset $(PRESET) -DLEASEHOLD_TESTS=ON >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build $(BUILD) -j $(JOBS) -- --quiet
	@tests/interop/build-server.sh
	@python3 tests/interop/kubeconfig.py --view $(BUILD)/kubeconfig_view --kubectl "$$(tests/interop/build-server.sh)/kubectl"
	@python3 tests/interop/kubectl.py --leasehold $(BUILD)/leasehold
	@python3 tests/interop/dev_clients.py --leasehold $(BUILD)/leasehold
	@python3 tests/interop/same_answers.py --leasehold $(BUILD)/leasehold
	@python3 tests/interop/stages.py --leasehold $(BUILD)/leasehold --stamper $(BUILD)/stamper
	@python3 tests/interop/configmap.py --leasehold $(BUILD)/leasehold --stamper $(BUILD)/stamper
	@python3 tests/interop/members.py --leasehold $(BUILD)/leasehold
	@python3 tests/interop/doctor.py --leasehold $(BUILD)/leasehold
	@python3 tests/interop/manifests.py
	@python3 tests/interop/fencing.py --leasehold $(BUILD)/leasehold
	@python3 tests/e2e/bindings.py $(BUILD) Go
	@python3 tests/interop/camel_control.py --build $(BUILD)

# One file that needs nothing of the machine it runs on; see docs/install.md.
static: deps-static
	@mkdir -p build
	@libraries=$$(packaging/static-libs.sh) && cmake --preset release -B build/static -DLEASEHOLD_TESTS=OFF -DLEASEHOLD_STATIC=$$libraries \
		>build/static.log 2>&1 || { [ ! -e build/static.log ] || cat build/static.log; exit 1; }
	@cmake --build build/static -j $(JOBS) --target leasehold-cli -- --quiet
	@strip -o build/static/leasehold.stripped build/static/leasehold && mv build/static/leasehold.stripped build/static/leasehold
	@echo "build/static/leasehold"

static-test: static
	@python3 tests/packaging/static.py build/static/leasehold

package: deps-package static
	@JOBS=$(JOBS) packaging/package.sh build/static/leasehold

# As root: in roots of its own, by the Dockerfile's lines.
package-test: deps-package-test
	@python3 tests/packaging/packages.py

install: build
	@DESTDIR=$(DESTDIR) cmake --install $(BUILD)

format: deps-check
	@git ls-files 'src/*.[ch]' 'include/*.h' 'tests/*.[ch]' 'examples/*.c' | xargs clang-format -i

clean:
	@rm -rf build
