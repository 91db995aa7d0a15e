// A peer for benchmarks/kernels.py: ffiasm's BN254, the code below rapidsnark, timed inside the process.
//
//     ffiasm TASK THREADS ARGUMENT...
//
// ../README.md describes the protocol, build.sh compiles this.

#include <omp.h>

#include <cassert>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "alt_bn128.hpp"
#include "fft.hpp"

using namespace AltBn128;

namespace {

struct Task {
    std::function<void()> prepare = [] {};   // not timed
    std::function<void()> run;
    std::function<std::string()> result;     // not timed
};

std::vector<uint8_t> read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<uint8_t> data((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file || data.size() % 32 != 0) throw std::runtime_error(path + ": expected whole words of 32 bytes");
    return data;
}

// Elements of a field from canonical little-endian words.
template <typename Field>
std::vector<typename Field::Element> read_elements(Field &field, const std::string &path) {
    const auto data = read_file(path);
    std::vector<typename Field::Element> out(data.size() / 32);
    for (size_t i = 0; i < out.size(); i++) {
        typename Field::Element plain;
        memcpy(plain.v, &data[32 * i], 32);
        field.toMontgomery(out[i], plain);
    }
    return out;
}

template <typename Field>
std::string hex(Field &field, typename Field::Element element) {
    typename Field::Element plain;
    field.fromMontgomery(plain, element);
    uint8_t bytes[32];
    memcpy(bytes, plain.v, 32);
    std::string out;
    char digits[3];
    for (uint8_t byte : bytes) {
        snprintf(digits, sizeof digits, "%02x", byte);
        out += digits;
    }
    return out;
}

// Sum of (i+1)·v[i].
template <typename Field>
std::string checksum(Field &field, const std::vector<typename Field::Element> &v) {
    typename Field::Element sum = field.zero(), index, term;
    for (size_t i = 0; i < v.size(); i++) {
        field.fromUI(index, i + 1);
        field.mul(term, index, v[i]);
        field.add(sum, sum, term);
    }
    return hex(field, sum);
}

template <typename Field>
Task multiplication(Field &field, const std::vector<std::string> &arguments) {
    const int passes = std::stoi(arguments.at(0));
    auto a = std::make_shared<std::vector<typename Field::Element>>(read_elements(field, arguments.at(1)));
    auto b = std::make_shared<std::vector<typename Field::Element>>(read_elements(field, arguments.at(2)));
    auto out = std::make_shared<std::vector<typename Field::Element>>(a->size());
    Task task;
    task.run = [=, &field] {
        for (int pass = 0; pass < passes; pass++)
            for (size_t i = 0; i < out->size(); i++) field.mul((*out)[i], (*a)[i], (*b)[i]);
    };
    task.result = [=, &field] { return checksum(field, *out); };
    return task;
}

template <typename Group, typename Affine, typename Point>
Task multi_scalar(Group &group, int threads, const std::vector<std::string> &arguments,
                  std::function<std::string(Affine &)> show) {
    const auto parts = read_elements(F1, arguments.at(0));
    const size_t n = parts.size() * sizeof(F1Element) / sizeof(Affine);
    auto points = std::make_shared<std::vector<Affine>>(n);
    memcpy(static_cast<void *>(points->data()), parts.data(), n * sizeof(Affine));
    auto scalars = std::make_shared<std::vector<uint8_t>>(read_file(arguments.at(1)));
    auto sum = std::make_shared<Point>();
    Task task;
    task.run = [=, &group] {
        group.multiMulByScalar(*sum, points->data(), scalars->data(), 32, scalars->size() / 32, threads);
    };
    task.result = [=, &group] {
        Affine affine;
        group.copy(affine, *sum);
        return show(affine);
    };
    return task;
}

Task transform(int threads, const std::vector<std::string> &arguments) {
    const auto column = std::make_shared<std::vector<RawFr::Element>>(read_elements(Fr, arguments.at(0)));
    const size_t n = size_t(1) << std::stoi(arguments.at(1));
    auto fft = std::make_shared<FFT<RawFr>>(n, threads);
    auto data = std::make_shared<std::vector<RawFr::Element>>(*column);
    Task task;
    task.prepare = [=] { *data = *column; };
    task.run = [=] {
        for (size_t at = 0; at < data->size(); at += n) fft->fft(data->data() + at, n);
    };
    task.result = [=] { return checksum(Fr, *data); };
    return task;
}

Task build(const std::string &name, int threads, const std::vector<std::string> &arguments) {
    if (name == "mul-fr" || name == "mul-fr-scalar") return multiplication(Fr, arguments);
    if (name == "mul-fq") return multiplication(F1, arguments);
    if (name == "msm-g1")
        return multi_scalar<decltype(G1), G1PointAffine, G1Point>(
            G1, threads, arguments, [](G1PointAffine &p) { return hex(F1, p.x) + hex(F1, p.y); });
    if (name == "msm-g2")
        return multi_scalar<decltype(G2), G2PointAffine, G2Point>(G2, threads, arguments, [](G2PointAffine &p) {
            return hex(F1, p.x.a) + hex(F1, p.x.b) + hex(F1, p.y.a) + hex(F1, p.y.b);
        });
    if (name == "ntt") return transform(threads, arguments);
    throw std::runtime_error("unknown task");
}

}  // namespace

int main(int argc, char **argv) {
    try {
        if (argc < 3) throw std::runtime_error("expected TASK THREADS ARGUMENT...");
        const int threads = std::stoi(argv[2]);
        omp_set_num_threads(threads);
        Task task = build(argv[1], threads, std::vector<std::string>(argv + 3, argv + argc));
        std::cout << "{\"ready\": \"ffiasm\"}" << std::endl;
        std::string line;
        while (std::getline(std::cin, line)) {
            const int repeats = std::stoi(line);
            std::ostringstream spent;
            for (int i = 0; i < repeats; i++) {
                task.prepare();
                const auto start = std::chrono::steady_clock::now();
                task.run();
                const auto end = std::chrono::steady_clock::now();
                spent << (i ? ", " : "")
                      << std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count();
            }
            std::cout << "{\"ns\": [" << spent.str() << "], \"result\": \"" << task.result() << "\"}" << std::endl;
        }
    } catch (const std::exception &error) {
        std::cout << "{\"error\": \"" << error.what() << "\"}" << std::endl;
        return 2;
    }
}
