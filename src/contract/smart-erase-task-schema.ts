/**
 * The typed route's parameters, in the vendor's own field names: `MPSSmartEraseTaskInput` of the SDK's
 * `vod_models.d.ts` (vod, 2018-07-17).
 */
import { z } from 'zod';
import { closed } from './closed-object.js';

const eraseArea = closed({
  LeftTopX: z.number().min(0),
  LeftTopY: z.number().min(0),
  RightBottomX: z.number().min(0),
  RightBottomY: z.number().min(0),
  /** 1 = ratio, 2 = pixels. */
  Unit: z.literal([1, 2]),
}).superRefine((area, ctx) => {
  if (area.LeftTopX >= area.RightBottomX || area.LeftTopY >= area.RightBottomY) {
    ctx.addIssue({
      code: 'custom',
      message: 'is empty: the right lower corner has to lie right of and below the left upper.',
    });
  }
  if (area.Unit === 1 && (area.RightBottomX > 1 || area.RightBottomY > 1)) {
    ctx.addIssue({ code: 'custom', message: 'has Unit 1 (ratios), but a coordinate above 1.' });
  }
});

const timeArea = closed({
  BeginMs: z.int().min(0),
  EndMs: z.int().min(1),
  Areas: z.array(eraseArea).min(1),
});

const onOff = z.enum(['ON', 'OFF']);
const areas = { AutoAreas: z.array(eraseArea).optional(), CustomAreas: z.array(timeArea).optional() };

const subtitleConfig = {
  SubtitleEraseMethod: z.enum(['auto', 'custom']),
  SubtitleModel: z.enum(['standard', 'area']),
  OcrSwitch: onOff.optional(),
  SubtitleLang: z.enum(['zh_en', 'multi']).optional(),
  SubtitleFormat: z.enum(['srt', 'vtt', '']).optional(),
  TransSwitch: onOff.optional(),
  TransDstLang: z.string().max(20).optional(),
  ...areas,
};

const watermarkConfig = {
  WatermarkEraseMethod: z.enum(['auto', 'custom']),
  WatermarkModel: z.enum(['basic', 'advanced']),
  ...areas,
};

const privacyConfig = closed({
  PrivacyModel: z.enum(['blur', 'mosaic']),
  PrivacyTargets: z.array(z.enum(['face', 'plate'])).min(1),
});

const flag = z.literal([0, 1]);

/** The required config of each EraseType. */
const CONFIG_OF = {
  subtitle: 'EraseSubtitleConfig',
  watermark: 'EraseWatermarkConfig',
  privacy: 'ErasePrivacyConfig',
} as const;

type EraseType = keyof typeof CONFIG_OF;

function oneConfig(parameter: { EraseType?: EraseType | undefined }, ctx: z.RefinementCtx): void {
  const wanted = parameter.EraseType === undefined ? null : CONFIG_OF[parameter.EraseType];
  for (const config of Object.values(CONFIG_OF)) {
    const given = Object.hasOwn(parameter, config);
    if (config === wanted && !given) {
      ctx.addIssue({
        code: 'custom',
        path: [config],
        message: `is missing: EraseType ${parameter.EraseType} needs it.`,
      });
    } else if (wanted !== null && config !== wanted && given) {
      ctx.addIssue({ code: 'custom', path: [config], message: `does not go with EraseType ${parameter.EraseType}.` });
    }
  }
}

const rawParameter = closed({
  EraseType: z.enum(['subtitle', 'watermark', 'privacy']),
  EraseSubtitleConfig: closed({
    ...subtitleConfig,
    SubtitleEmbedId: z.int().min(1).optional(),
    UseOriginalPos: flag.optional(),
    UseOriginalSize: flag.optional(),
  }).optional(),
  EraseWatermarkConfig: closed(watermarkConfig).optional(),
  ErasePrivacyConfig: privacyConfig.optional(),
  SubtitleEmbedId: z.int().min(1).optional(),
  UseOriginalPos: flag.optional(),
  UseOriginalSize: flag.optional(),
}).superRefine(oneConfig);

const overrideParameter = closed({
  EraseType: z.enum(['subtitle', 'watermark', 'privacy']).optional(),
  EraseSubtitleConfig: closed(subtitleConfig).partial().optional(),
  EraseWatermarkConfig: closed(watermarkConfig).partial().optional(),
  ErasePrivacyConfig: privacyConfig.optional(),
  SubtitleEmbedId: z.int().min(1).optional(),
}).superRefine(oneConfig);

export const smartEraseTaskSchema = closed({
  name: z.literal('smart-erase-task'),
  definition: z.int().min(0).default(0),
  rawParameter: rawParameter.optional(),
  overrideParameter: overrideParameter.optional(),
}).superRefine((recipe, ctx) => {
  if (recipe.definition === 0 && recipe.rawParameter === undefined) {
    ctx.addIssue({ code: 'custom', message: 'needs either definition, a template id, or rawParameter.' });
  }
  if (recipe.definition > 0 && recipe.rawParameter !== undefined) {
    ctx.addIssue({
      code: 'custom',
      path: ['rawParameter'],
      message: 'counts only with definition 0; leave one of them out.',
    });
  }
  if (recipe.definition === 0 && recipe.overrideParameter !== undefined) {
    ctx.addIssue({
      code: 'custom',
      path: ['overrideParameter'],
      message: 'counts only with the definition of a template.',
    });
  }
});
