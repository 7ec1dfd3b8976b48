import { ApiError, invalidValue, missingParameter, wrongType } from './api-error.js';
import { isObject, type Parameters } from './parameters.js';
import type { OutputKind, SubTask } from './task.js';

/** API document: 25 is Smart Erase, 26 highlights, 27 splitting. 24 was Smart Erase until September 2025. */
const ANALYSIS_TASKS: Record<number, string> = {
  24: 'AiAnalysis.DeLogo',
  25: 'AiAnalysis.DeLogo',
  26: 'AiAnalysis.HighlightTask',
  27: 'AiAnalysis.SegmentTask',
};

/** Outputs of each `CustomerAppId` of the API document. */
const OUTPUTS_BY_SCENARIO: Record<string, OutputKind[]> = {
  ai_delogo_v1: ['Video'],
  subtitle_erase_fast: ['Video'],
  subtitle_erase_area: ['Video'],
  subtitle_extract_v1: ['OriginSubtitle'],
  subtitle_erase_and_translate: ['Video', 'OriginSubtitle', 'TranslateSubtitle'],
  subtitle_logo_erase: ['Video'],
  facial_blur: ['Video'],
  facial_mosaic: ['Video'],
  facial_and_numberplate_mosaic_v2: ['Video'],
};

/** API document: `output_patten` (its spelling) is shorter than 200 characters. */
const MAX_OUTPUT_PATTERN_LENGTH = 200;

/** SDK typings, MPSRawSmartEraseParameter: each EraseType needs its own configuration. */
const CONFIG_BY_ERASE_TYPE: Record<string, string> = {
  subtitle: 'EraseSubtitleConfig',
  watermark: 'EraseWatermarkConfig',
  privacy: 'ErasePrivacyConfig',
};

/**
 * The sub-tasks that a ProcessMediaByMPS request starts. As documented, `MPSProcessMediaParams` takes precedence over the typed
 * fields, and everything in it except `AiAnalysisTask` is silently ignored.
 */
export function subTasksOf(parameters: Parameters): SubTask[] {
  const serialized = parameters.MPSProcessMediaParams;
  if (typeof serialized === 'string' && serialized !== '') {
    const honoured = parseObject('MPSProcessMediaParams', serialized).AiAnalysisTask;
    if (honoured === undefined || honoured === null)
      throw new ApiError('InvalidParameter', 'MPSProcessMediaParams holds no task that can be started from VOD.');
    return [analysisTask('MPSProcessMediaParams.AiAnalysisTask', honoured)];
  }
  const subTasks: SubTask[] = [];
  if (parameters.AiAnalysisTask !== undefined) subTasks.push(analysisTask('AiAnalysisTask', parameters.AiAnalysisTask));
  if (parameters.SmartEraseTask !== undefined) subTasks.push(smartEraseTask(parameters.SmartEraseTask));
  if (parameters.SmartSubtitlesTask !== undefined)
    subTasks.push({
      taskType: 'SmartSubtitle.AsrFullTextTask',
      input: JSON.stringify(parameters.SmartSubtitlesTask),
      outputs: [],
    });
  if (subTasks.length === 0) throw missingParameter('MPSProcessMediaParams');
  return subTasks;
}

function analysisTask(name: string, task: unknown): SubTask {
  if (!isObject(task)) throw wrongType(name, 'an object');
  const definition = task.Definition;
  if (definition === undefined) throw missingParameter(`${name}.Definition`);
  if (typeof definition !== 'number' || !Number.isInteger(definition))
    throw wrongType(`${name}.Definition`, 'an integer');
  const taskType = ANALYSIS_TASKS[definition];
  if (!taskType)
    throw invalidValue(
      `${name}.Definition`,
      `there is no template ${definition}`,
      'InvalidParameterValue.AiAnalysisTaskDefinition',
    );
  const input = JSON.stringify(task);
  if (taskType !== 'AiAnalysis.DeLogo') return { taskType, input, outputs: [] };
  return { taskType, input, outputs: outputsOf(`${name}.ExtendedParameter`, task.ExtendedParameter) };
}

function outputsOf(name: string, extended: unknown): OutputKind[] {
  if (extended === undefined || extended === null || extended === '') return ['Video'];
  if (typeof extended !== 'string') throw wrongType(name, 'a string of JSON');
  const { delogo } = parseObject(name, extended);
  if (delogo === undefined) return ['Video'];
  if (!isObject(delogo)) throw wrongType(`${name}.delogo`, 'an object');
  const pattern = delogo.output_patten;
  if (pattern !== undefined && (typeof pattern !== 'string' || pattern.length >= MAX_OUTPUT_PATTERN_LENGTH))
    throw invalidValue(`${name}.delogo.output_patten`, 'it must be a text of under 200 characters');
  const scenario = delogo.CustomerAppId;
  if (scenario === undefined || scenario === '') return ['Video'];
  const outputs =
    typeof scenario === 'string' && Object.hasOwn(OUTPUTS_BY_SCENARIO, scenario)
      ? OUTPUTS_BY_SCENARIO[scenario]
      : undefined;
  if (!outputs) throw invalidValue(`${name}.delogo.CustomerAppId`, 'there is no such scenario');
  return outputs;
}

function smartEraseTask(task: unknown): SubTask {
  const name = 'SmartEraseTask';
  if (!isObject(task)) throw wrongType(name, 'an object');
  const definition = task.Definition ?? 0;
  if (typeof definition !== 'number' || !Number.isInteger(definition))
    throw wrongType(`${name}.Definition`, 'an integer');
  const raw = task.RawParameter;
  if (definition === 0) {
    if (raw === undefined || raw === null) throw missingParameter(`${name}.RawParameter`);
    if (!isObject(raw)) throw wrongType(`${name}.RawParameter`, 'an object');
    const config = typeof raw.EraseType === 'string' ? CONFIG_BY_ERASE_TYPE[raw.EraseType] : undefined;
    if (!config) throw invalidValue(`${name}.RawParameter.EraseType`, 'it must be subtitle, watermark or privacy');
    if (!isObject(raw[config])) throw missingParameter(`${name}.RawParameter.${config}`);
  }
  return { taskType: 'SmartErase', input: JSON.stringify(task), outputs: ['Video'] };
}

function parseObject(name: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidValue(name, 'it is not JSON');
  }
  if (!isObject(value)) throw invalidValue(name, 'it is not a JSON object');
  return value;
}
